"""The command that makes a table: killed, started again, beside others, and from results alone."""

import fcntl
import json
import os
import re
import signal
import subprocess
import sys
from dataclasses import replace

import gluon_doconv as doconv
from gluon_doconv.cli import main
from gluon_doconv.lab import records
from gluon_doconv.lab.configuration import BASELINE, DOCONV
from gluon_doconv.lab.experiments import catalogue, cifar, imagenet, reproduce, tables
from gluon_doconv.lab.experiments.scripts import Sources
from gluon_doconv.lab.records import Epoch, Record

import pytest
from click.testing import CliRunner
from trainings import RECIPE, TINY, without_seconds


def call(*arguments, **environment):
    return subprocess.Popen(
        [sys.executable, "-W", "ignore", "-m", "gluon_doconv", "reproduce", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **environment},
    )


def results(folder):
    return [without_seconds(record) for record in records.read_results(folder / "results.jsonl")]


def test_the_command_killed_and_started_again(tmp_path):
    """A process that is killed outright, once its first epoch is done; the next ends with the same numbers."""
    log = []
    plain = reproduce.only(catalogue.smoke(cifar.table1()), "Plain")
    reproduce.reproduce(plain, tmp_path / "whole", [0], Sources(), log.append)
    arguments = ("table1", "--smoke", "--columns", "Plain", "--seeds", 1, "--output")
    killed = call(*arguments, tmp_path / "killed")
    for line in killed.stderr:
        if "epoch 1/2" in line:
            break
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    assert not (tmp_path / "killed" / "results.jsonl").exists()
    again = call(*arguments, tmp_path / "killed")
    said, log_again = again.communicate()
    assert again.returncode == 0 and "goes on after epoch 1" in log_again
    assert results(tmp_path / "killed") == results(tmp_path / "whole") and len(results(tmp_path / "whole")) == 2
    table = (tmp_path / "whole" / "table1.md").read_text()
    assert table in said and (tmp_path / "killed" / "table1.md").read_text() == table
    assert (
        "SMOKE RUN" in log[0]
        and "SMOKE RUN" in log_again
        and re.search(r"CIFAR-10 DO-Conv +\| paper +\| \+0\.37", table)
    )
    assert re.search(r"CIFAR-10 DO-Conv +\| ours +\| [+-]\d+\.\d\d \(n=1: no standard error\)", table)
    line = json.loads((tmp_path / "whole" / "results.jsonl").read_text().splitlines()[0])
    assert set(line) == {"configuration", "seed", "versions", "epochs"} and len(line["epochs"]) == 2
    assert (tmp_path / "whole" / "table1-curves.png").read_bytes().startswith(b"\x89PNG")


def test_a_training_that_another_process_is_at_is_left_to_it(tiny_network, tmp_path):
    table = tables.Table("t", "", ("c",), (tables.Row("r", (tables.Cell(None, TINY),)),))
    folder = tmp_path / "trainings" / TINY.name(0)
    folder.mkdir(parents=True)
    said = []
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        text = reproduce.reproduce(table, tmp_path, [0], Sources(), said.append)
    assert "another process is at it" in said[0] and "not yet" in text
    reproduce.reproduce(table, tmp_path, [0], Sources(), said.append)
    assert "finished before" not in said[-1] and len(results(tmp_path)) == 1
    reproduce.reproduce(table, tmp_path, [0], Sources(), said.append)
    assert "finished before" in said[-1]


def test_every_configuration_has_its_first_seed_before_any_has_its_second(tiny_network, tmp_path):
    cell = tables.Cell(None, TINY, replace(TINY, variant=BASELINE))
    said = []
    table = tables.Table("t", "", ("c",), (tables.Row("r", (cell,)),))
    reproduce.reproduce(table, tmp_path, [0, 1], Sources(), said.append)
    begun = [line.split(":")[0] for line in said if "epoch 1/3" in line]
    names = [replace(TINY, variant=v).name(seed) for seed in (0, 1) for v in (BASELINE, DOCONV)]
    assert begun == [f"[{place}/4] {name}" for place, name in enumerate(names, 1)]


def test_the_results_file_alone_is_enough(tiny_network, tmp_path):
    """Of results whose trainings' folders are gone, the table is made again, and only what lacks is trained."""
    table = tables.Table("t", "", ("c",), (tables.Row("r", (tables.Cell(None, TINY),)),))
    made = reproduce.reproduce(table, tmp_path / "here", [0], Sources(), [].append)
    other = replace(TINY, recipe=replace(RECIPE, learning_rate=0.2))
    first, of_other_settings = (
        Record.from_json(line)
        for line in (
            (tmp_path / "here" / "results.jsonl").read_text(),
            Record(other, 1, {}, (Epoch(1, 0, 0, 1),) * 3).to_json(),
        )
    )
    (tmp_path / "there").mkdir()
    records.write_results(tmp_path / "there" / "results.jsonl", [first, of_other_settings])
    said = []
    assert reproduce.reproduce(table, tmp_path / "there", [0], Sources(), said.append) == made
    assert said == [f"[1/1] {TINY.name(0)}: finished before"]
    reproduce.reproduce(table, tmp_path / "there", [0, 1], Sources(), said.append)
    left = records.read_results(tmp_path / "there" / "results.jsonl")
    assert first in left and of_other_settings in left and len(left) == 3


def test_what_a_folder_holds_is_newer_than_what_the_results_file_lists(tmp_path):
    old, new, unfinished = (
        Record(TINY, seed, {}, (Epoch(loss, 0, 0, 1),) * epochs)
        for loss, seed, epochs in ((1.0, 0, 3), (2.0, 0, 3), (3.0, 1, 2))
    )
    finished = replace(old, seed=1)
    records.write_results(tmp_path / "results.jsonl", [old, finished])
    for record in (new, unfinished):
        folder = tmp_path / "trainings" / str(record.seed)
        folder.mkdir(parents=True)
        record.save(folder)
    assert reproduce.finished_records(tmp_path) == [new, finished]


def test_a_backbone_of_which_only_the_result_is_left_is_named(tmp_path, tiny_network):
    stage = replace(imagenet.on_imagenet("resnet18_v1"), recipe=replace(imagenet.RESNET, epochs=1))
    segmentation = replace(stage, data="voc", backbone=stage)
    with pytest.raises(doconv.DOConvError, match=r"only results\.jsonl is left of it, remove its line"):
        reproduce._backbone(segmentation, 0, tmp_path, Sources())


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["table99"], "there is no 'table99'; there are table1, table2"),
        (["table1", "--columns", "VGG"], "no column of table1 matches 'VGG'; there are Plain-20"),
        (["table8", "--output", "{}/o"], "cifar100 is needed: give the folder"),
        (["table7", "--output", "{}/o"], "give a checkout of GluonCV with --gluoncv"),
    ],
)
def test_mistakes_are_explained(tmp_path, arguments, message):
    given = [argument.format(tmp_path) for argument in arguments]
    result = CliRunner().invoke(main, ["reproduce", *given])
    assert result.exit_code == 1 and message in result.output
