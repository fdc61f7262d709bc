"""What keeps scripts from running, with each workaround and without it."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Tuple, Union

from gluon_doconv.compat.workarounds import WORKAROUNDS, apply_workarounds

import mxnet as mx
import numpy as np
import pytest
from gluoncv.model_zoo import get_model
from gluoncv.model_zoo.rcnn.faster_rcnn import doublehead_rcnn
from gluoncv.model_zoo.rcnn.faster_rcnn.faster_rcnn import FasterRCNN
from gluoncv.utils.metrics.coco_keypoints import COCOKeyPointsMetric
from networks import require_in_zoo

TINY = {
    "classes": ["cat"],
    "base_network_name": "resnet18_v1b",
    "pretrained_base": False,
    "norm_layer": mx.gluon.nn.BatchNorm,
}


@pytest.fixture
def applied():
    undo = apply_workarounds()
    yield
    undo()


@pytest.fixture(scope="module")
def batches():
    return mx.gluon.data.DataLoader(mx.gluon.data.ArrayDataset(np.arange(4), np.arange(4)), batch_size=2)


def test_a_batch_is_no_longer_taken_for_dalis(batches, applied):
    for batch in batches:
        assert type(batch) is not list and isinstance(batch, list) and len(batch) == 2


def test_undoing_leaves_batches_as_they_were(batches):
    apply_workarounds()()
    assert all(type(batch) is list for batch in batches)


def test_custom_fpn_is_built_by_its_own_function(applied):
    net = get_model("custom_faster_rcnn_fpn", **TINY)
    assert type(net) is FasterRCNN


def test_custom_fpn_is_another_network_without():
    require_in_zoo("doublehead_rcnn_resnet50_v1b_voc")
    assert type(get_model("custom_faster_rcnn_fpn", **TINY)) is not FasterRCNN


def test_a_double_head_stays_one_under_that_name(applied, monkeypatch):
    built = doublehead_rcnn.custom_faster_rcnn_fpn(**TINY)
    monkeypatch.setattr(sys, "argv", ["scripts/detection/faster_rcnn/train_doublehead_rcnn.py"])
    assert type(built) is type(get_model("custom_faster_rcnn_fpn", **TINY)) is doublehead_rcnn.DoubleHeadRCNN


def test_scores_of_key_points_are_written_as_json(applied, tmp_path):
    metric = COCOKeyPointsMetric.__new__(COCOKeyPointsMetric)
    metric._filename, metric._cleanup = str(tmp_path / "key-points.json"), False
    metric._results = [{"image_id": 1, "score": 0 * np.int64(1)}, {"image_id": 2, "score": np.float64(0.5)}]
    with pytest.raises(AttributeError, match="dataset"):  # of which it then asks for the truth
        metric._update()
    assert [each["score"] for each in json.loads(Path(metric._filename).read_text())] == [0.0, 0.5]


def test_resume_finds_the_target_generator(applied, tmp_path):
    name = "faster_rcnn_resnet50_v1b_voc"
    trained, resumed = (get_model(name, pretrained_base=False) for _ in range(2))
    _ = trained.target_generator
    trained.initialize()
    file = str(tmp_path / "trained.params")
    known = {k: p.data() for k, p in trained._collect_params_with_prefix().items() if p._data is not None}
    mx.nd.save(file, known)
    assert any("target_generator" in name for name in known)
    resumed.load_parameters(file, allow_missing=True)
    assert "_target_generator" in "".join(resumed._collect_params_with_prefix())


def test_rows_of_masked_regions_are_zero(applied):
    data = mx.nd.random.normal(shape=(1, 4, 16, 16))
    rois = mx.nd.array([[0, 0, 0, 8, 8], [-1, -1, -1, -1, -1], [0, 2, 2, 12, 12]])
    for _ in range(20):
        dirty = [mx.nd.full((3, 4, 7, 7), np.nan) for _ in range(8)]
        mx.nd.waitall()
        del dirty
        pooled = mx.nd.contrib.ROIAlign(data, rois, (7, 7), 1.0).asnumpy()
        assert (pooled[1] == 0).all()
        assert np.abs(pooled[[0, 2]]).min(axis=(1, 2, 3)).max() > 0


def test_masked_rows_are_zero_in_graphs_too(applied):
    data, rois = mx.sym.var("data"), mx.sym.var("rois")
    block = mx.gluon.SymbolBlock(mx.sym.contrib.ROIAlign(data, rois, (2, 2), 1.0), [data, rois])
    regions = mx.nd.array([[-1, -1, -1, -1, -1], [0, 2, 2, 12, 12]])
    pooled = block(mx.nd.ones((1, 2, 16, 16)), regions).asnumpy()
    assert (pooled[0] == 0).all() and (pooled[1] == 1).all()


def test_a_batch_of_one_image_per_gpu_has_one_where_there_is_none(applied):
    dataset = mx.gluon.data.ArrayDataset(np.arange(3))
    loaded = mx.gluon.data.DataLoader(dataset, 0, shuffle=False, last_batch="rollover")
    assert [batch.asnumpy().tolist() for batch in loaded] == [[0], [1], [2]]
    assert len(mx.gluon.data.DataLoader(dataset, batch_size=2, last_batch="keep")) == 2


def test_a_script_imports_autogluons_transforms_without_autogluon(applied):
    from autogluon.utils import pil_transforms

    with pytest.raises(ImportError, match=r"Resize is one of autogluon's.*install autogluon"):
        pil_transforms.Resize((320, 320))


HANGING = """
import gluon_doconv
from gluon_doconv.compat.workarounds import apply_workarounds
apply_workarounds()
from gluoncv.utils.parallel import Parallel, Parallelizable
class Work(Parallelizable):
    def forward_backward(self, x):
        return x
parallel = Parallel(2, Work())
raise RuntimeError("mine")
"""


@pytest.mark.slow
def test_the_process_ends_after_an_exception():
    done = subprocess.run([sys.executable, "-c", HANGING], capture_output=True, text=True, timeout=60)
    assert done.returncode == 1 and "RuntimeError: mine" in done.stderr


def test_autocfg_checks_types_as_it_did_on_old_pythons(applied):
    type_check = pytest.importorskip("autocfg.type_check", reason="GluonCV has estimators since 0.9")
    for value, kind in [
        (None, Union[str, None]),
        ("x", Union[None, str]),
        (1.5, Union[int, float]),
        ((1, 2), Union[Tuple, list]),
        (3, Any),
    ]:
        assert type_check.is_instance(value, kind)
    assert not type_check.is_instance(1.5, Union[str, None]) and not type_check.is_instance(
        "x", Union[int, float]
    )


@pytest.mark.slow
def test_estimators_are_imported_with_the_workaround_alone():
    pytest.importorskip("autocfg", reason="GluonCV has estimators since 0.9")
    script = "import sys; from gluon_doconv.compat.workarounds import apply_workarounds\n"
    script += "apply_workarounds(tuple(sys.argv[1:]))\n"
    script += "assert 'gluoncv.auto' not in sys.modules and 'autocfg' not in sys.modules\n"
    script += "from gluoncv.auto.estimators import FasterRCNNEstimator"
    applied, not_applied = (
        subprocess.run([sys.executable, "-c", script, *without], capture_output=True, text=True)
        for without in ([], ["autocfg-types"])
    )
    assert applied.returncode == 0, applied.stderr
    assert (not_applied.returncode == 0) == (sys.version_info < (3, 10))


@pytest.mark.parametrize("name", [workaround.name for workaround in WORKAROUNDS])
def test_each_can_be_left_off(name, batches):
    undo = apply_workarounds(without=(name,))
    try:
        plain = {
            "list-batches": lambda: type(next(iter(batches))) is list,
            "rcnn-resume": lambda: "load_parameters" not in vars(FasterRCNN),
            "roi-align": lambda: not hasattr(mx.nd.contrib.ROIAlign, "__wrapped__"),
            "no-gpu-batches": lambda: not hasattr(mx.gluon.data.DataLoader.__init__, "__wrapped__"),
            "autogluon-transforms": lambda: "autogluon" not in sys.modules,
            "hanging-threads": lambda: _parallel().threading is __import__("threading"),
            "mxboard": lambda: "mxboard" not in sys.modules,
            "convolution-3d": lambda: not hasattr(mx.sym.Convolution, "__wrapped__"),
            "key-point-scores": lambda: not hasattr(COCOKeyPointsMetric._update, "__wrapped__"),
        }
        assert {key: check() for key, check in plain.items()} == {key: key == name for key in plain}
    finally:
        undo()
    assert all(check() for check in plain.values())


def _parallel():
    from gluoncv.utils import parallel

    return parallel
