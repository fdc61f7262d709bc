"""What a page says of a folder, against numbers put there by hand."""

import os
import re
from dataclasses import replace

import gluon_doconv as doconv
from gluon_doconv.cli import main
from gluon_doconv.lab.configuration import (
    BASELINE,
    DOCONV,
    RANDOM,
    AnnealedRecipe,
    Command,
    Configuration,
    Recipe,
)
from gluon_doconv.lab.figures.kernels import draw_heat_maps, draw_kernels, read_layers
from gluon_doconv.lab.records import Epoch, Record, write_results
from gluon_doconv.lab.report.kernels import pictures
from gluon_doconv.lab.report.page import write_page
from gluon_doconv.lab.report.runs import read_runs

import pytest
from click.testing import CliRunner
from networks import images, perturb, small

EPOCHS = (
    Epoch(0.9, 0.50, 0.60, 1.0, {"AP50": 0.1}),
    Epoch(0.8, 0.55, 0.62, 2.0, {"AP50": 0.2}),
    Epoch(0.7, 0.57, 0.66, 6.0, {"AP50": 0.3}),
)


def configuration(variant, recipe=None):
    return Configuration("data", "net", variant, recipe or Recipe(epochs=3, averaged_epochs=2))


def run(folder, *records):
    write_results(folder / "results.jsonl", records)
    (folder / "table1.md").write_text("## table1: what it is\n\nthe results\n")
    (one,) = read_runs(folder)
    return one


def checkpoint(path, moved=1):
    """A DO-Conv network; of its three layers one is moved ten times as far as the others."""
    net = small()
    net(images())
    layers = doconv.over_parameterize(net).changed
    perturb(net, scale=0.01)
    net._children[layers[moved]].D.set_data(10 * net._children[layers[moved]].D.data())
    net.save_parameters(str(path))
    return layers[moved]


def test_a_training_in_a_row(tmp_path):
    grid, _ = run(tmp_path, Record(configuration(DOCONV), 4, {}, EPOCHS)).numbers
    assert dict(zip(grid.columns, *grid.rows)) == {
        "training": "data-net-doconv",
        "seed": "4",
        "epochs": "3",
        "reported (%)": "64.00",
        "loss, last epoch": "0.7",
        "training accuracy (%)": "57.00",
        "validation accuracy (%)": "66.00",
        "AP50 (%)": "30.00",
        "seconds per epoch": "3.00",
    }


def test_what_a_script_did_not_say_is_a_dash(tmp_path):
    command = Command("train.py", ("--lr", "0.1"), epochs=1, batch_size=8)
    silent = Record(configuration(BASELINE, command), 0, {}, (Epoch(None, None, 0.5, None),))
    one = run(tmp_path, silent, Record(configuration(DOCONV), 0, {}, EPOCHS))
    assert one.numbers[0].rows[0] == ("data-net-baseline", "0", "1", "50.00", "–", "–", "50.00", "–", "–")
    assert ("arguments", "--lr 0.1") in one.settings[0].rows


def test_settings_have_the_seeds_and_versions_are_all_there(tmp_path):
    old, new = {"mxnet": "1.9.1", "numpy": "1.23"}, {"mxnet": "1.9.1", "numpy": "2.0", "device": "cpu"}
    one = run(
        tmp_path,
        Record(configuration(BASELINE), 7, old, EPOCHS),
        Record(configuration(DOCONV), 4, new, EPOCHS),
    )
    (settings,) = one.settings
    assert settings.caption == "net on data"
    assert {("seeds", "4, 7"), ("batch size", "128"), ("milestones", "0.5, 0.75")} <= set(settings.rows)
    assert one.versions == {"mxnet": "1.9.1", "numpy": "1.23, 2.0", "device": "cpu, not recorded"}
    assert (one.title, one.text.strip(), one.smoke) == ("table1: what it is", "the results", False)


def test_kernels_are_of_what_do_conv_everywhere_saved_last(tmp_path):
    for variant, saved in ((RANDOM, ["a"]), (DOCONV, ["epoch0002", "epoch0001"])):
        folder = tmp_path / "trainings" / configuration(variant).name(0)
        folder.mkdir(parents=True)
        for age, name in enumerate(saved):
            checkpoint(folder / f"{name}.params")
            os.utime(folder / f"{name}.params", (1000 - age, 1000 - age))
    one = run(tmp_path, *(Record(configuration(v), 0, {}, EPOCHS) for v in (BASELINE, RANDOM, DOCONV)))
    assert "epoch0002.params" in one.kernels[0].caption


@pytest.mark.parametrize("moved", [0, 1, 2])
def test_the_kernels_shown_are_those_that_moved_most(tmp_path, moved):
    name = checkpoint(tmp_path / "net.params", moved)
    layers = read_layers(tmp_path / "net.params")
    maps, kernels = pictures(tmp_path / "net.params")
    draw_heat_maps(layers, tmp_path / "maps.png", "")
    draw_kernels([layer for layer in layers if layer.name == name], tmp_path / "kernels.png", "")
    assert maps.png == (tmp_path / "maps.png").read_bytes()
    assert kernels.png == (tmp_path / "kernels.png").read_bytes()
    assert kernels.caption.startswith(f"{name}, of these the layer that D has moved most")


def test_a_demo_has_every_epoch_of_both_stages_and_both_pictures(tmp_path):
    recipe = AnnealedRecipe(epochs=1, batch_size=8, learning_rate=0.1)
    backbone = Configuration("portraits", "base", DOCONV, recipe)
    first = Record(backbone, 0, {}, (Epoch(1.5, 0.5, 0.7, 3.0),))
    epochs = (Epoch(1.25, None, 0.1, 4.0, {"mIoU": 0.1}), Epoch(0.25, None, 0.2, 5.0, {"mIoU": 0.2}))
    write_results(
        tmp_path / "results.jsonl",
        [first, Record(replace(backbone, data="scenes", backbone=backbone), 0, {}, epochs)],
    )
    (tmp_path / "results.md").write_text("## net, plain and DO-Conv\n\nthe results")
    for name in ("curves", "predictions"):
        (tmp_path / f"{name}.png").write_bytes(name.encode())
    checkpoint(tmp_path / "do-conv.params")
    (one,) = read_runs(tmp_path)
    assert (one.title, one.text.strip()) == ("net, plain and DO-Conv", "the results")
    assert "do-conv.params" in one.kernels[0].caption
    names = ("epoch", "loss", "accuracy", "validation accuracy")
    assert [(grid.caption, grid.columns, grid.rows) for grid in one.numbers[1:]] == [
        ("portraits-base-doconv-seed0", (*names, "seconds"), [("1", "1.5", "0.5", "0.7", "3")]),
        (
            "scenes-base-on-doconv-doconv-seed0",
            (*names, "mIoU", "seconds"),
            [("1", "1.25", "–", "0.1", "0.1", "4"), ("2", "0.25", "–", "0.2", "0.2", "5")],
        ),
    ]
    assert [picture.png for picture in one.figures] == [b"curves", b"predictions"]


def test_of_many_trainings_there_is_no_history(tmp_path):
    assert (
        len(run(tmp_path, *(Record(configuration(DOCONV), seed, {}, EPOCHS) for seed in range(5))).numbers) == 1
    )


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({}, r"no results.jsonl, which `gluon-doconv demo` and .* it holds nothing"),
        ({"a.txt": ""}, r"holds no finished run: .* it holds a.txt"),
        ({"results.jsonl": ""}, r"has results.jsonl but neither results.md nor a table such as table1.md"),
        ({"results.jsonl": "[1", "results.md": ""}, r"line 1, is no record"),
        ({"results.jsonl": "", "table1.md": ""}, r"no training is finished yet"),
        ({"results.jsonl": "{}", "table1.md": ""}, r"line 1, is no record"),
    ],
)
def test_what_is_no_run_is_said_and_nothing_written(tmp_path, files, message):
    folder = tmp_path / "run"
    folder.mkdir()
    for name, text in files.items():
        (folder / name).write_text(text)
    target = tmp_path / "report.html"
    target.write_text("old")
    result = CliRunner().invoke(main, ["report", str(folder), "--output", str(target)])
    assert result.exit_code == 1 and re.search(message, result.output), result.output
    assert target.read_text() == "old" and {path.name for path in tmp_path.iterdir()} == {"run", "report.html"}


def test_there_is_no_such_folder(tmp_path):
    with pytest.raises(doconv.DOConvError, match="there is no such folder"):
        write_page([tmp_path / "no"], tmp_path / "report.html")
