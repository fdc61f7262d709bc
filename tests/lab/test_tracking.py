"""What trainings tell TensorBoard, read back from its files."""

import pickle
import struct
import sys
import time
from types import SimpleNamespace

import gluon_doconv as doconv
from gluon_doconv.cli import main
from gluon_doconv.lab.configuration import BASELINE, DOCONV, AnnealedRecipe, Command, Configuration, Recipe
from gluon_doconv.lab.demos.progress import train_with_bar
from gluon_doconv.lab.experiments import reproduce, resumable, tables
from gluon_doconv.lab.experiments.scripts import Sources
from gluon_doconv.lab.records import Epoch, Record, read_results
from gluon_doconv.lab.tracking import TensorBoard
from gluon_doconv.lab.training import Learner, Step

import pytest
from click.testing import CliRunner
from mxnet.gluon import nn
from tensorboardX.proto import event_pb2


def tiny(_, classes):
    net = nn.HybridSequential()
    net.add(nn.Conv2D(4, 3, strides=2), nn.Activation("relu"), nn.Dense(classes))
    return net


def scalars(folder):
    """{tag: {step: value}} of the event files in ``folder``: records of length, checksum, event, checksum."""
    found = {}
    for path in sorted(folder.glob("events.out.tfevents.*")):
        data = path.read_bytes()
        while data:
            (length,) = struct.unpack("<Q", data[:8])
            event = event_pb2.Event.FromString(data[12 : 12 + length])
            data = data[16 + length :]
            for value in event.summary.value:
                found.setdefault(value.tag, {})[event.step] = pytest.approx(value.simple_value)
    return found


def test_a_training_of_a_demo(tmp_path):
    recipe = AnnealedRecipe(epochs=2, batch_size=1, learning_rate=0.1)
    board = pickle.loads(pickle.dumps(TensorBoard(tmp_path)))  # as it comes to a process of its own
    for label in ("plain", "DO-Conv"):
        scores = iter([0.25, 0.75])
        trainer = SimpleNamespace(set_learning_rate=lambda rate: None)
        learner = Learner(trainer, [1, 3], lambda x: Step(1, x), lambda s=scores: {"mIoU": next(s)})
        train_with_bar(Record(Configuration("data", "net", BASELINE, recipe), 0, {}), learner, label, board)
    assert {path.name for path in tmp_path.iterdir()} == {"plain", "DO-Conv"}
    assert scalars(tmp_path / "DO-Conv") == {
        "step/loss": {1: 1, 2: 3, 3: 1, 4: 3},
        "epoch/loss": {1: 2, 2: 2},
        "epoch/validation_accuracy": {1: 0.25, 2: 0.75},
        "epoch/mIoU": {1: 0.25, 2: 0.75},
    }


def test_trainings_of_a_table(tmp_path, monkeypatch):
    monkeypatch.setattr(resumable, "build", tiny)
    base, over = (
        Configuration("digits-40-20", "tiny", variant, Recipe(epochs=2, batch_size=16))
        for variant in (BASELINE, DOCONV)
    )
    row = tables.Row("r", (tables.Cell(None, over, base),))
    table = tables.Table("table1", "", ("c",), (row,))
    reproduce.reproduce(table, tmp_path / "o", [0], Sources(), print, TensorBoard(tmp_path / "board"))
    records = read_results(tmp_path / "o" / "results.jsonl")
    assert len(records) == 2
    for record in records:
        told = scalars(tmp_path / "board" / record.configuration.name(0))
        assert told["epoch/loss"] == {n: epoch.loss for n, epoch in enumerate(record.epochs, 1)}
        assert told["epoch/validation_accuracy"] == {
            n: epoch.validation_accuracy for n, epoch in enumerate(record.epochs, 1)
        }
        assert set(told["epoch/accuracy"]) == {1, 2} and set(told["step/loss"]) == set(range(1, 7))


def test_epochs_that_become_known_together_are_told_one_by_one():
    """As of a script that has died after saving; what it does not say is not told."""
    said, told = [], []
    epochs = tuple(Epoch(None, None, n / 10, None, {"AP50": n / 5}) for n in range(4))
    recipe = Command("script.py", (), epochs=4, batch_size=1)
    record = Record(Configuration("coco", "net", BASELINE, recipe), 0, {}, epochs)
    reproduce._Progress("net", 2, said.append, lambda *what: told.append(what)).epoch(record)
    scores = [{"loss": None, "accuracy": None, "validation accuracy": n / 10, "AP50": n / 5} for n in (2, 3)]
    assert told == [("epoch", 3, scores[0]), ("epoch", 4, scores[1])]
    assert said == ["net: epoch 3/4, validation 20.00%", "net: epoch 4/4, validation 30.00%"]


def test_what_was_not_measured_is_not_written(tmp_path):
    with TensorBoard(tmp_path)("run") as log:
        log("epoch", 1, {"loss": None, "AP": 0.5, "AP50": 0.0})
    assert scalars(tmp_path / "run") == {"epoch/AP": {1: 0.5}, "epoch/AP50": {1: 0.0}}


def test_an_epoch_can_be_seen_while_the_training_goes_on(tmp_path, caplog):
    caplog.set_level("INFO")
    with TensorBoard(tmp_path)("run") as log:
        log("epoch", 1, {"validation accuracy": 0.5})
        deadline = time.monotonic() + 30
        while not scalars(tmp_path / "run") and time.monotonic() < deadline:
            time.sleep(0.1)
        assert scalars(tmp_path / "run") == {"epoch/validation_accuracy": {1: 0.5}}
    assert not caplog.records  # tensorboardX complains of names that it has to change


@pytest.mark.parametrize("command", [["reproduce", "table1", "--smoke"], ["demo", "classification"]])
def test_without_tensorboardx_nothing_is_trained(monkeypatch, tmp_path, command):
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    output = ["--output", str(tmp_path / "o"), "--tensorboard", str(tmp_path / "board")]
    result = CliRunner().invoke(main, [*command, *output])
    assert result.exit_code == 1 and "pip install 'gluon_doconv[tensorboard]'" in result.output
    assert not list(tmp_path.iterdir())
    with pytest.raises(doconv.DOConvError, match="tensorboardX is needed"):
        TensorBoard(tmp_path)
