"""The checks of ``scripts/check-upstream`` find what is wrong, and its page keeps what it has."""

import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import gluon_doconv as doconv

import mxnet as mx
import numpy as np
import pytest
from gluoncv.model_zoo import get_model
from mxnet.gluon import nn
from networks import perturb
from verification.upstream import repeatable
from verification.upstream.__main__ import CASES
from verification.upstream.case import CannotRunError, CheckError, Outcome, Place
from verification.upstream.comparing import resumes, same_exports, same_prints, same_weights
from verification.upstream.folding import Network, folds
from verification.upstream.report import report
from verification.upstream.run import dies

SHAPE = (1, 3, 16, 16)
NETWORK = Network(lambda: get_model("cifar_resnet20_v1"), SHAPE)


@pytest.fixture
def place(tmp_path):
    return Place(checkout=tmp_path, shared=tmp_path, work=tmp_path)


def save(place, name, **arrays):
    mx.nd.save(
        str(place.work / name), {key.replace("_", "."): mx.nd.array(value) for key, value in arrays.items()}
    )


@pytest.fixture
def trained(place):
    net = NETWORK.build()
    doconv.over_parameterize(net)
    net.initialize(mx.init.Xavier())
    net(mx.nd.zeros(SHAPE))
    perturb(net)
    net.save_parameters(str(place.work / "net.params"))
    return net


def test_a_good_checkpoint_folds(place, trained):
    found = folds("net.params", NETWORK, among=("stage2_conv0",))(place)
    assert found["D in the checkpoint"] == "19 of 19, 19 moved" and found["folded, in stock GluonCV"]


def test_a_d_that_did_not_move_is_found(place, trained):
    still = trained.features[0].D
    still.set_data(mx.nd.zeros(still.shape))
    trained.save_parameters(str(place.work / "net.params"))
    with pytest.raises(CheckError, match=r"18 of 19 D moved.*conv0_D"):
        folds("net.params", NETWORK)(place)


def test_a_d_that_is_missing_is_found(place, trained):
    arrays = mx.nd.load(str(place.work / "net.params"))
    del arrays["features.0.D"]
    mx.nd.save(str(place.work / "net.params"), arrays)
    with pytest.raises(CheckError, match="18 of 19"):
        folds("net.params", NETWORK)(place)


def test_other_predictions_are_found(place, trained, monkeypatch):
    def fold_wrongly(source, target):
        arrays = mx.nd.load(str(source))
        mx.nd.save(str(target), {name: array for name, array in arrays.items() if not name.endswith(".D")})
        return [name for name in arrays if name.endswith(".D")]

    monkeypatch.setattr(doconv, "fold_params", fold_wrongly)
    with pytest.raises(CheckError, match="predicts something else"):
        folds("net.params", NETWORK)(place)


def test_a_layer_that_has_to_be_among_them_is_missed(place, trained):
    with pytest.raises(CheckError, match="no D for P2_conv"):
        folds("net.params", NETWORK, among=("P2_conv",))(place)


def test_kernels_are_counted_in_the_stock_network():
    stem, stage, first_of_stages = 1, 3 * 2, 3
    whole = stem + 3 * stage
    for kernels, number in {
        "": whole,
        "^[a-z0-9]+_(conv0|stage2)": stem + stage,
        "conv(?!0)": whole - stem - first_of_stages,
    }.items():
        assert replace(NETWORK, kernels=kernels).expected() == number


def test_resuming_elsewhere_is_found(place):
    save(place, "start", conv_D=[1.0], conv_weight=[1.0])
    save(place, "whole", conv_D=[2.0], conv_weight=[2.0])
    save(place, "resumed", conv_D=[2.0], conv_weight=[2.0])
    save(place, "elsewhere", conv_D=[2.0], conv_weight=[np.nextafter(np.float32(2), np.float32(3))])
    assert resumes("start", "whole", "resumed", "yes")(place) == {"resumed": "yes"}
    with pytest.raises(CheckError, match=r"1 of 2 arrays differ, such as conv\.weight"):
        resumes("start", "whole", "elsewhere", "yes")(place)
    with pytest.raises(CheckError, match="no D moved"):
        resumes("whole", "whole", "resumed", "yes")(place)


def test_workers_may_differ_only_in_running_statistics(place):
    save(place, "one", conv_weight=[1.0], bn_running_mean=[1.0])
    save(place, "two", conv_weight=[1.0], bn_running_mean=[2.0])
    save(place, "three", conv_weight=[3.0], bn_running_mean=[1.0])
    assert same_weights("one", "two", "same")(place) == {"besides": "same: 1 arrays"}
    with pytest.raises(CheckError, match="arrays differ"):
        same_weights("one", "three", "same")(place)


def test_a_layer_that_is_a_child_in_two_places_counts_once(place):
    def build():
        net = nn.HybridSequential(prefix="net_")
        layer = nn.Conv2D(3, 3, in_channels=3, prefix="net_conv_")
        net.add(layer)
        net.register_child(layer, "again")
        net.initialize()
        return net

    network = Network(build, SHAPE)
    net = build()
    doconv.over_parameterize(net)
    perturb(net)
    net.save_parameters(str(place.work / "net.params"))
    assert len(doconv.fold_params(place.work / "net.params", place.work / "folded.params")) == 2
    assert folds("net.params", network)(place)["D in the checkpoint"] == "1 of 1, 1 moved"


def test_what_a_script_dies_of_without_doconv_is_told(place, monkeypatch):
    def end(*_):
        raise CheckError("stock: exit code 1: GPU is not enabled")

    monkeypatch.setattr("verification.upstream.run.run_logged", end)
    with pytest.raises(CannotRunError, match="without DO-Conv, stock: exit code 1: GPU"):
        dies("train.py", "")(place)
    monkeypatch.setattr("verification.upstream.run.run_logged", lambda *_: None)
    with pytest.raises(CheckError, match="it runs"):
        dies("train.py", "")(place)


def test_other_prints_are_found(place):
    for run, printed in {"one": "mIoU: 1", "same": "x\nmIoU: 1", "other": "mIoU: 2", "nothing": ""}.items():
        (place.work / run).mkdir()
        (place.work / run / "log.txt").write_text(printed)
    assert same_prints("one", "same", r"mIoU: \S+", "same")(place)
    for other in ("other", "nothing"):
        with pytest.raises(CheckError, match="printed"):
            same_prints("one", other, r"mIoU: \S+", "same")(place)


def test_an_export_with_d_is_found(place, trained):
    trained.hybridize()
    trained(mx.nd.zeros(SHAPE))
    trained.export(str(place.work / "live"))
    doconv.fold(trained)
    for name in ("folded", "again"):
        trained.hybridize()
        trained(mx.nd.zeros(SHAPE))
        trained.export(str(place.work / name))
    assert same_exports("folded", "again", "same")(place)
    with pytest.raises(CheckError, match="graphs live and folded differ"):
        same_exports("live", "folded", "same")(place)
    with pytest.raises(CheckError, match="there is a D"):
        same_exports("live", "live", "same")(place)


DRAW = """
import random, sys
import mxnet as mx, numpy as np
loader = mx.gluon.data.DataLoader(mx.gluon.data.ArrayDataset(list(range(20))), 20, shuffle=True)
for epoch in range(int(sys.argv[1])):
    for batch in loader:
        print(batch.asnumpy().tolist(), random.random(), np.random.rand(), mx.nd.random.normal().asscalar())
"""


def test_an_epoch_draws_the_same_numbers_wherever_a_run_begins(tmp_path):
    (tmp_path / "draw.py").write_text(DRAW)

    def drawn(epoch, epochs):
        words = [repeatable.__file__, "--epoch", str(epoch), str(tmp_path / "draw.py"), str(epochs)]
        return subprocess.check_output([sys.executable, *words], text=True).splitlines()

    whole = drawn(0, 2)
    assert whole[0] != whole[1] and drawn(1, 1) == whole[1:]


def test_the_page_has_every_case():
    page = Path(__file__).parents[2] / "docs" / "results" / "upstream.md"
    rows = re.findall(r"^\| (\S.*?) +\|", page.read_text(), re.MULTILINE)
    assert set(rows) - {"script and variant"} == {case.name for case in CASES}


def test_a_report_keeps_the_tables_of_other_commits():
    first = report([Outcome("a", {"resumed": "yes"})], "0.7.0-1111")
    both = report([Outcome("b", failure="broken"), Outcome("c", skipped="not there")], "0.11.0-2222", first)
    again = report([Outcome("b")], "0.11.0-2222", both)
    assert re.findall("## .*", both) == ["## GluonCV 0.7.0-1111", "## GluonCV 0.11.0-2222"]
    assert "FAILED: broken" in both and "not run: not there" in both and "0 of 1 as they should be" in both
    assert "broken" not in again and "| a" in again
