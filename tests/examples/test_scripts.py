"""The example scripts train, and what they save predicts in stock GluonCV what the trained network did."""

import runpy
import subprocess
import sys
from pathlib import Path

from gluon_doconv.files.fold import inspect
from gluon_doconv.lab.datasets import write

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
STOCK_PREDICT = ROOT / "tests" / "stock_predict.py"

pytestmark = pytest.mark.slow


def run(name, layout, images, size, tmp_path, monkeypatch):
    """Run an example for one epoch; return its variables and the file it has saved."""
    data, saved = write(layout, tmp_path / "data", images, size), tmp_path / "plain.params"
    monkeypatch.setattr(sys, "argv", [name, "--data", str(data), "--epochs", "1", "--output", str(saved)])
    variables = runpy.run_path(str(ROOT / "examples" / f"{name}.py"))
    assert inspect(saved).kind == "plain"
    assert any(np.abs(d).max() > 0 for d in trained_d(variables))
    return variables, saved


def trained_d(variables):
    return [p.data().asnumpy() for p in variables["trainer"]._params if p.name.endswith("D")]


def predict_by_stock(model, saved, x, tmp_path):
    np.save(tmp_path / "x.npy", x.asnumpy())
    files = [str(tmp_path / name) for name in ("x.npy", "y.npz")]
    command = [sys.executable, "-W", "ignore", str(STOCK_PREDICT), model, str(saved), *files]
    subprocess.run(command, check=True)
    return list(np.load(files[1]).values())


def test_detection(tmp_path, monkeypatch, capsys):
    variables, saved = run("detection", "voc", 8, (128, 128), tmp_path, monkeypatch)
    assert "differ from the trained network's by at most 0\n" in capsys.readouterr().out
    predicted = predict_by_stock("ssd_512_resnet18_v1_voc", saved, variables["x"], tmp_path)
    for theirs, ours in zip(predicted, variables["trained"]):
        np.testing.assert_array_equal(theirs, ours)


def test_classification(tmp_path, monkeypatch, capsys):
    variables, saved = run("classification", "imagenet", 64, (32, 32), tmp_path, monkeypatch)
    assert "differ from the trained network's by at most 0\n" in capsys.readouterr().out
    stock, x = variables["stock"], variables["x"]
    assert not [name for name in stock.collect_params() if name.endswith("D")]
    np.testing.assert_array_equal(stock(x).asnumpy(), variables["trained"])


def test_segmentation(tmp_path, monkeypatch, capsys):
    variables, saved = run("segmentation", "voc", 8, (64, 64), tmp_path, monkeypatch)
    assert "differ from the trained network's by at most 0\n" in capsys.readouterr().out
    stock, x = variables["stock"], variables["x"]
    assert not [name for name in stock.collect_params() if name.endswith("D")]
    np.testing.assert_array_equal(stock(x)[0].asnumpy(), variables["trained"])
