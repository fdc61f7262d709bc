"""The protocol of a training: that it can be killed at any moment, what it records, and the command."""

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
from gluon_doconv.lab.experiments import (
    catalogue,
    cifar,
    imagenet,
    images,
    records,
    reproduce,
    tables,
    training,
)
from gluon_doconv.lab.experiments.configuration import (
    BASELINE,
    DOCONV,
    RANDOM,
    Configuration,
    Recipe,
    in_stages,
    with_d_mul,
)
from gluon_doconv.lab.experiments.records import Epoch, Record
from gluon_doconv.lab.experiments.scripts import Sources

import mxnet as mx
import numpy as np
import pytest
from click.testing import CliRunner
from mxnet.gluon import nn

RECIPE = Recipe(epochs=3, batch_size=16)
TINY = Configuration("digits-40-20", "tiny", DOCONV, RECIPE)


def tiny(_, classes):
    """With Dropout: what it draws has to be the same after a training was killed."""
    net = nn.HybridSequential()
    net.add(
        nn.Conv2D(4, 3, strides=2), nn.BatchNorm(), nn.Activation("relu"), nn.Dropout(0.5), nn.Dense(classes)
    )
    return net


@pytest.fixture
def tiny_network(monkeypatch):
    monkeypatch.setattr(training, "build", tiny)


def trained(folder, configuration=TINY, seed=3):
    folder.mkdir(parents=True, exist_ok=True)
    record = records.open_record(configuration, seed, folder)
    return training.train(record, images.load(configuration.data, None), folder)


def without_seconds(record):
    return replace(record, epochs=tuple(replace(epoch, seconds=0.0) for epoch in record.epochs))


def files(folder):
    """What a training leaves, but for how long it took."""
    content = {path.name: path.read_bytes() for path in folder.iterdir() if path.suffix == ".params"}
    assert sorted(path.suffix for path in folder.iterdir()) == [".json", ".params", ".states"]
    return content, without_seconds(Record.from_json((folder / "record.json").read_text()))


class Killed(BaseException):
    pass


def kill_at(monkeypatch, owner, name, call):
    """Let the process end as the ``call``-th call of ``owner.name`` begins."""
    original, calls = getattr(owner, name), []

    def method(*args, **kwargs):
        calls.append(name)
        if len(calls) == call:
            raise Killed
        return original(*args, **kwargs)

    monkeypatch.setattr(owner, name, method)


@pytest.mark.parametrize(
    "owner, name, call",
    [
        (training, "_epoch", 2),
        (training, "_step", 5),
        (mx.gluon.Block, "save_parameters", 2),
        (mx.gluon.Trainer, "save_states", 2),
        (Record, "save", 2),
        (training, "_remove_older_states", 2),
    ],
)
def test_killed_and_gone_on_with_is_bitwise_the_same(tiny_network, tmp_path, owner, name, call):
    trained(tmp_path / "whole")
    with pytest.MonkeyPatch.context() as patch, pytest.raises(Killed):
        kill_at(patch, owner, name, call)
        trained(tmp_path / "killed")
    assert not Record.from_json((tmp_path / "killed" / "record.json").read_text()).finished
    trained(tmp_path / "killed")
    assert files(tmp_path / "killed") == files(tmp_path / "whole")


def test_another_seed_is_another_training(tiny_network, tmp_path):
    assert without_seconds(trained(tmp_path / "a", seed=1)).epochs != trained(tmp_path / "b", seed=2).epochs


@pytest.mark.parametrize("network", ["cifar_plain20_v1", "cifar_resnet20_v2"])
def test_every_variant_starts_from_the_weights_of_the_baseline(network):
    data = images.load("digits-20-10", None)
    x = mx.nd.array(data.validation_batch(slice(4)))
    start = None
    for variant in (BASELINE, DOCONV, with_d_mul(25), in_stages(0, 2), RANDOM):
        net = training._network(Configuration("digits-20-10", network, variant, RECIPE), 5, data)
        outputs = net(x).asnumpy()
        ds = [name for name in net.collect_params() if name.endswith("_D")]
        start = outputs if start is None else start
        assert bool(ds) == variant.doconv
        if variant is RANDOM:  # D is random, and so is what the network computes
            assert np.abs(outputs - start).max() > 1e-3
        else:
            np.testing.assert_array_equal(outputs, start)
    assert len([s for s in ds if "stage" in s]) == 18


def test_every_variant_sees_the_same_batches_and_no_two_seeds_or_epochs_do(tiny_network, tmp_path, monkeypatch):
    seen = {}
    batch = images.Images.batch

    def watched(self, chosen, random):
        orders.append(tuple(chosen))
        return batch(self, chosen, random)

    monkeypatch.setattr(images.Images, "batch", watched)
    for variant, seed in ((BASELINE, 0), (DOCONV, 0), (DOCONV, 1)):
        orders = seen[variant, seed] = []
        trained(tmp_path / f"{variant.name}{seed}", replace(TINY, variant=variant), seed)
    assert seen[BASELINE, 0] == seen[DOCONV, 0]
    firsts = [order[place] for order in (seen[DOCONV, 0], seen[DOCONV, 1]) for place in (0, 3, 6)]
    assert len(set(firsts)) == 6
    for start in (0, 3, 6):  # every image once an epoch
        assert sorted(sum(seen[DOCONV, 0][start : start + 3], ())) == list(range(40))


def test_an_epoch_is_recorded_as_means_over_images(tiny_network, tmp_path, monkeypatch):
    """Of 40 images in batches of 16, 16 and 8; the validation against predictions of what was saved."""
    once = replace(TINY, recipe=replace(RECIPE, epochs=1))
    monkeypatch.setattr(training, "_step", lambda *args: (2.0 * len(args[-1]), len(args[-1]) // 4))
    (epoch,) = trained(tmp_path, once).epochs
    data = images.load(once.data, None)
    net = training._network(once, 0, data)
    net.load_parameters(str(tmp_path / "epoch0001.params"))
    found = net(mx.nd.array(data.validation_batch(slice(None)))).asnumpy().argmax(axis=1)
    assert (epoch.loss, epoch.accuracy) == (2.0, 0.25)
    assert epoch.validation_accuracy == np.mean(found == data.validation.labels)


def test_it_is_sgd_with_momentum_and_decay(tiny_network):
    """Two steps of the trainer against SGD written out in float64."""
    recipe = Recipe(epochs=1, batch_size=8, learning_rate=0.05)
    data = images.load("digits-20-10", None)
    net = training._network(replace(TINY, recipe=recipe), 0, data)
    trainer = training._trainer(net, recipe)
    weight = net[0].weight
    expected, momentum = weight.data().asnumpy().astype("float64"), 0.0
    for step in range(2):
        chosen = np.arange(8)
        training._step(net, trainer, data.batch(chosen, None), data.train.labels[chosen])
        gradient = weight.grad().asnumpy().astype("float64") / 8 + recipe.weight_decay * expected
        momentum = recipe.momentum * momentum - recipe.learning_rate * gradient
        expected = expected + momentum
        np.testing.assert_allclose(weight.data().asnumpy(), expected, rtol=1e-4, atol=1e-6, err_msg=str(step))


def test_learning_rates_of_he_et_al():
    """64,000 steps or so; a tenth after half of them and after three quarters; 400 small steps to warm up."""
    steps = 391 * cifar.CIFAR.epochs
    assert abs(steps - 64000) < 391
    at = {0: 0.1, 31500: 0.1, 32500: 0.01, 47500: 0.01, 48500: 0.001, steps - 1: 0.001}
    for step, rate in at.items():
        assert cifar.CIFAR.rate(step, steps) == pytest.approx(rate)
    assert [cifar.WARM.rate(step, steps) for step in (0, 399, 400)] == pytest.approx([0.01, 0.01, 0.1])


def test_each_step_has_its_learning_rate(tiny_network, tmp_path, monkeypatch):
    """Three epochs of three steps: a tenth from half and from three quarters of the nine on."""
    rates = []
    step = training._step
    monkeypatch.setattr(
        training,
        "_step",
        lambda net, trainer, *batch: rates.append(trainer.learning_rate) or step(net, trainer, *batch),
    )
    trained(tmp_path, replace(TINY, recipe=replace(RECIPE, warmup_steps=2)))
    assert rates == pytest.approx([0.01, 0.01, 0.1, 0.1, 0.1, 0.01, 0.01, 0.001, 0.001])


def test_a_training_of_other_settings_is_not_gone_on_with(tiny_network, tmp_path):
    trained(tmp_path)
    other = replace(TINY, recipe=replace(RECIPE, learning_rate=0.2))
    with pytest.raises(doconv.DOConvError, match="is a training of other settings"):
        records.open_record(other, 3, tmp_path)
    with pytest.raises(doconv.DOConvError, match="is a training of other settings"):
        records.open_record(TINY, 4, tmp_path)


def test_a_training_begun_with_other_versions_is_not_gone_on_with(tmp_path, monkeypatch):
    begun = Record(TINY, 0, {**records.versions(), "mxnet": "0"}, (Epoch(1, 0.5, 0.5, 1),))
    begun.save(tmp_path)
    with pytest.raises(doconv.DOConvError, match="was begun on"):
        records.open_record(TINY, 0, tmp_path)
    replace(begun, epochs=begun.epochs * RECIPE.epochs).save(tmp_path)
    assert records.open_record(TINY, 0, tmp_path).finished


def test_a_training_begun_before_a_version_was_recorded_is_gone_on_with(tmp_path):
    known = {name: version for name, version in records.versions().items() if name != "gluoncv"}
    begun = Record(TINY, 0, known, (Epoch(1, 0.5, 0.5, 1),))
    begun.save(tmp_path)
    assert records.open_record(TINY, 0, tmp_path) == begun


def test_damaged_records_are_named(tmp_path):
    (tmp_path / "record.json").write_text('{"seed": 1')
    with pytest.raises(doconv.DOConvError, match=r"record\.json is damaged"):
        records.open_record(TINY, 0, tmp_path)
    (tmp_path / "results.jsonl").write_text(Record(TINY, 0, {}).to_json() + "\n{}\n")
    with pytest.raises(doconv.DOConvError, match=r"results\.jsonl, line 2, is no record"):
        records.read_results(tmp_path / "results.jsonl")


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
