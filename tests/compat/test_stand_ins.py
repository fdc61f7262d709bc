"""What scripts write by mxboard, read back."""

import sys

from gluon_doconv.compat.stand_ins import mxboard

import mxnet as mx
import pytest


@pytest.fixture
def stand_in(monkeypatch):
    monkeypatch.setitem(sys.modules, "mxboard", None)  # it does not import, be it installed or not
    undo = mxboard()
    yield
    undo()


def test_mxboard_writes_by_tensorboardx(stand_in, tmp_path):
    pytest.importorskip("tensorboardX", reason="it is an extra: gluon_doconv[tensorboard]")
    from mxboard import SummaryWriter

    with SummaryWriter(logdir=str(tmp_path), flush_secs=5, verbose=False) as writer:
        writer.add_scalar(tag="loss", value=mx.nd.array([2.5]), global_step=3)
        writer.add_scalar("both", {"one": 1.0, "two": 2.0}, 4)
        writer.add_image(tag="image", image=mx.nd.zeros((3, 8, 8)))
        writer.add_image(tag="images", image=mx.nd.zeros((2, 3, 8, 8)))
    events = {str(path.parent.relative_to(tmp_path)): path.read_bytes() for path in tmp_path.rglob("events*")}
    assert events.keys() == {".", "both/one", "both/two"} and b"both" in events["both/one"]
    assert all(tag in events["."] for tag in (b"loss", b"image", b"images"))


def test_without_either_the_error_says_what_to_install(stand_in, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    with pytest.raises(ImportError, match="install tensorboardX"):
        from mxboard import SummaryWriter  # noqa: F401
