"""The example scripts train, and what they save predicts in stock GluonCV what the trained network did."""

import runpy
import subprocess
import sys
from pathlib import Path

import gluon_doconv as doconv
from gluon_doconv.files.fold import inspect
from gluon_doconv.lab.datasets import write

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
STOCK_PREDICT = ROOT / "tests" / "stock_predict.py"

pytestmark = pytest.mark.slow


def run(name, layout, images, size, folder, monkeypatch):
    """Run an example for one epoch; return its variables, and the file it has saved."""
    data, saved = write(layout, folder / "data", images, size), folder / "plain.params"
    monkeypatch.setattr(sys, "argv", [name, "--data", str(data), "--epochs", "1", "--output", str(saved)])
    learned, fold = [], doconv.fold

    def look_and_fold(net):
        learned.extend(p.data().asnumpy() for name, p in net.collect_params().items() if name.endswith("D"))
        return fold(net)

    monkeypatch.setattr(doconv, "fold", look_and_fold)
    variables = runpy.run_path(str(ROOT / "examples" / f"{name}.py"))
    assert any(np.abs(d).max() > 0 for d in learned)
    return variables, saved


def predict_by_stock(model, saved, x, folder):
    np.save(folder / "x.npy", x.asnumpy())
    files = [str(folder / name) for name in ("x.npy", "y.npz")]
    subprocess.run([sys.executable, "-W", "ignore", str(STOCK_PREDICT), model, str(saved), *files], check=True)
    return list(np.load(files[1]).values())


def test_detection(tmp_path, monkeypatch):
    variables, saved = run("detection", "voc", 8, (128, 128), tmp_path, monkeypatch)
    stock = predict_by_stock("ssd_512_resnet18_v1_voc", saved, variables["x"], tmp_path)
    for predicted, trained in zip(stock, variables["trained"]):
        np.testing.assert_array_equal(predicted, trained)
    assert variables["difference"] == 0


def test_classification(tmp_path, monkeypatch):
    variables, saved = run("classification", "imagenet", 64, (32, 32), tmp_path, monkeypatch)
    (stock,) = predict_by_stock("cifar_resnet20_v1", saved, variables["x"], tmp_path)
    np.testing.assert_array_equal(stock, variables["trained"])
    assert variables["difference"] == 0


def test_segmentation(tmp_path, monkeypatch):
    variables, saved = run("segmentation", "voc", 8, (64, 64), tmp_path, monkeypatch)
    assert inspect(saved).kind == "plain"
    assert set(variables["stock"].collect_params("D")) == set()
    assert variables["difference"] == 0
