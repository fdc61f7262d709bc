"""Names that others have retired, as GluonCV's code finds them with the workarounds, and without."""

import sys

from gluon_doconv.compat import retired_names

import mxnet as mx
import numpy as np
import pytest


def test_antialias_is_lanczos():
    from PIL import Image

    had = hasattr(Image, "ANTIALIAS")
    undo = retired_names.pillow_names()
    assert Image.ANTIALIAS == Image.LANCZOS
    undo()
    assert hasattr(Image, "ANTIALIAS") == had


def bilinear(z, xs, ys):
    """``z`` at (y, x), positions counted from 0.5; 0 outside of the outermost ones."""
    found = np.zeros((len(ys), len(xs)))
    for row, y in enumerate(ys - 0.5):
        for column, x in enumerate(xs - 0.5):
            if 0 <= y <= len(z) - 1 and 0 <= x <= len(z) - 1:
                top, left = min(int(y), len(z) - 2), min(int(x), len(z) - 2)
                down, right = y - top, x - left
                weights = np.outer([1 - down, down], [1 - right, right])
                found[row, column] = (weights * z[top : top + 2, left : left + 2]).sum()
    return found


def test_masks_are_interpolated_between_their_pixels():
    from scipy import interpolate

    undo = retired_names.scipy_names()
    z = np.random.RandomState(0).uniform(size=(6, 6)).astype("float32")
    pixels, xs, ys = np.arange(0.5, 6.5), np.linspace(-0.2, 6.3, 9), np.linspace(0.4, 5.9, 7)
    found = interpolate.interp2d(pixels, pixels, z, fill_value=0.0)(xs, ys)
    undo()
    np.testing.assert_allclose(found, bilinear(z.astype("float64"), xs, ys), atol=1e-6)


@pytest.fixture
def mxboard():
    """As a script imports it; what is installed in its place is out of the way."""
    found = {name: module for name, module in sys.modules.items() if name.split(".")[0] == "mxboard"}
    for name in found:
        del sys.modules[name]
    undo = retired_names.mxboard_by_tensorboard()
    import mxboard

    yield mxboard
    undo()
    sys.modules.update(found)


def test_what_is_written_by_mxboard_is_in_tensorboards_file(mxboard, tmp_path):
    writer = mxboard.SummaryWriter(logdir=str(tmp_path), flush_secs=5, verbose=False)
    writer.add_scalar(tag="accuracy", value=0.5, global_step=3)
    writer.add_scalar("loss", {"cat": mx.nd.array([0.25])}, 4)
    writer.add_image(tag="image", image=mx.nd.ones((2, 3, 8, 8)))
    writer.close()
    written = b"".join(path.read_bytes() for path in tmp_path.rglob("events*"))
    assert all(tag in written for tag in (b"accuracy", b"loss", b"image"))
    with pytest.raises(ImportError):
        from mxboard import nothing_else  # noqa: F401


def test_key_points_are_written_with_numpys_numbers(tmp_path):
    from gluoncv.utils.metrics.coco_keypoints import COCOKeyPointsMetric

    metric = COCOKeyPointsMetric.__new__(COCOKeyPointsMetric)
    metric._cleanup, metric._filename = False, str(tmp_path / "found.json")
    metric._results = [{"image_id": np.int64(3), "score": np.float32(0.5), "keypoints": np.arange(3)}]
    undo = retired_names.keypoint_json()
    with pytest.raises(AttributeError, match="dataset"):  # what it does once the file is written
        metric._update()
    undo()
    written = (tmp_path / "found.json").read_text()
    assert written == '[{"image_id": 3, "score": 0.5, "keypoints": [0, 1, 2]}]'
