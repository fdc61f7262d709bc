"""Estimators of gluoncv.auto in a script unchanged: trained, saved, loaded, folded, loaded in stock GluonCV."""

import pickle
import subprocess
import sys
from pathlib import Path

from gluon_doconv.lab.datasets import write

import numpy as np
import pytest

HERE = Path(__file__).parent
TRAIN, LOOK = HERE / "estimator_train.py", HERE / "estimator_look.py"
WORKED_AROUND = (
    "from gluon_doconv.compat.workarounds import apply_workarounds; apply_workarounds();"
    "import runpy, sys; sys.argv.pop(0);"
)
# Of a Faster R-CNN, GluonCV trains neither the stem nor the first stage.
FROZEN = {
    "classification": ("none",),
    "detection": ("features.resnetv1b_conv0_", "features.resnetv1b_layers1_"),
}
IS_D = (".D", "_D")  # in a layer, in a graph
D = {"classification": 19, "detection": 23}
DATA = {"classification": ("imagenet", 12, (32, 32)), "detection": ("voc", 4, (96, 128))}


def python(*arguments, cwd):
    done = subprocess.run(
        [sys.executable, *map(str, arguments)], cwd=cwd, capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, done.stderr
    return done.stderr


def doconv_run(*arguments, cwd):
    return python("-m", "gluon_doconv", "run", *arguments, cwd=cwd)


def read(path):
    with open(path, "rb") as file:
        return pickle.load(file)


def same(some, others):
    return len(some) == len(others) and all(map(np.array_equal, some, others))


@pytest.fixture(scope="module", params=["classification", "detection"])
def trained(request, tmp_path_factory):
    """An estimator trained with DO-Conv, saved, folded, looked at: its kind, its folder, and what was said."""
    kind, folder = request.param, tmp_path_factory.mktemp(request.param)
    layout, images, size = DATA[kind]
    write(layout, folder / "data", images=images, size=size)
    said = doconv_run("--fold-on-save", TRAIN, kind, folder / "data", "est", cwd=folder)
    doconv_run(LOOK, kind, "est", cwd=folder)
    python(LOOK, kind, "est", "est-folded", "est-by-hand", cwd=folder)
    return kind, folder, said


def test_every_d_is_there_and_was_trained(trained):
    kind, folder, said = trained
    d = {name: array for name, array in read(folder / "est.doconv")["arrays"].items() if name.endswith(IS_D)}
    moved = {name for name, array in d.items() if np.abs(array).max() > 0}
    assert len(d) == D[kind]
    assert d.keys() - moved == {name for name in d if name.startswith(FROZEN[kind])}
    assert f"{D[kind]} of" in said and "latest state" not in said


def test_it_says_what_it_wrote(trained):
    _, _, said = trained
    written = [line.split("wrote ")[1] for line in said.splitlines() if "wrote " in line]
    assert written[-2:] == ["est.pkl", "est-folded.pkl"]
    assert all(name.endswith(".pkl") for name in written)  # temporary files are not worth a word


def test_folded_it_is_stock_gluoncvs_and_predicts_the_same(trained):
    kind, folder, _ = trained
    unfolded = read(folder / "est.doconv")
    for name in ("est-folded", "est-by-hand"):
        folded = read(folder / f"{name}.stock")
        assert same(folded["outputs"], unfolded["outputs"])
        assert folded["prediction"] == unfolded["prediction"]
        assert folded["arrays"].keys() == {name for name in unfolded["arrays"] if not name.endswith(IS_D)}
        assert all(shape == state for shape, state in folded["states"])
        assert folded["states"] or kind == "detection"  # its kvstore keeps them, and begins anew
        assert b"gluon_doconv" not in (folder / f"{name}.pkl").read_bytes()


def test_unfolded_it_cannot_be_loaded_without_its_d(trained):
    _, folder, _ = trained
    refused = read(folder / "est.stock")
    assert "saved with DO-Conv" in refused and "gluon_doconv.patch()" in refused


@pytest.mark.parametrize("trained", ["classification"], indirect=True)
def test_off_it_is_the_plain_estimator(trained):
    kind, folder, _ = trained
    doconv_run("--off", TRAIN, kind, folder / "data", "off", cwd=folder)
    program = f"{WORKED_AROUND} runpy.run_path(sys.argv[0], run_name='__main__')"
    python("-c", program, TRAIN, kind, folder / "data", "plain", cwd=folder)
    python(LOOK, kind, "off", "plain", cwd=folder)
    off, plain = read(folder / "off.stock"), read(folder / "plain.stock")
    assert off["arrays"].keys() == plain["arrays"].keys()
    assert same(off["arrays"].values(), plain["arrays"].values()) and same(off["outputs"], plain["outputs"])
