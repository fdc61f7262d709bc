"""What keeps GluonCV's scripts from running today, worked around at run time; none of it is DO-Conv's doing.

Each workaround has a name, says what it works around, and is undone by the call that applying it
returns. The runner applies them and says so; each can be switched off.
"""

from __future__ import annotations

import sys
import threading
from dataclasses import dataclass
from functools import partial, wraps
from pathlib import Path
from typing import Any, Callable, Sequence

import mxnet as mx

from ..calls import Call
from ..errors import DOConvError
from ..monkeypatch import Undo, intercept, when_imported
from . import cores, install, uninstall
from .autocfg import autocfg_types
from .batch_norm import statistics_without_parameters
from .convolution3d import plain_layout_of_convolution3d
from .kvstore import weights_before_gradients
from .removed import antialias, interp2d
from .roi_align import masked_roi_align
from .stand_ins import autogluon_transforms, mxboard


def _nothing() -> None:
    """Undo nothing."""


@dataclass(frozen=True)
class Workaround:
    """One obstacle, how it is removed, and what it takes to leave it as it is: in most cases nothing."""

    name: str
    what: str
    apply: Callable[[], Undo]
    disable: Callable[[], Undo] = lambda: _nothing


def _numpy_names() -> Undo:
    """Importing gluon_doconv has put these names back already; there is no importing MXNet without."""
    install()
    return _nothing


def _no_numpy_names() -> Undo:
    uninstall()
    return install


class Batch(list):
    """A batch that is a list in every respect but ``type(batch) == list``."""


def _list_batches() -> Undo:
    """Scripts that ask ``type(batch) == list`` take a DataLoader's batches for DALI's."""
    return intercept(mx.gluon.data.DataLoader, "__iter__", lambda call: map(_as_batch, call()))


def _as_batch(batch: Any) -> Any:
    return Batch(batch) if type(batch) is list else batch


def _custom_fpn() -> Undo:
    """``custom_faster_rcnn_fpn`` is shadowed by a function of the same name in doublehead_rcnn."""
    from gluoncv.model_zoo import model_zoo
    from gluoncv.model_zoo.rcnn.faster_rcnn import faster_rcnn

    right = faster_rcnn.custom_faster_rcnn_fpn
    wrong = model_zoo._models["custom_faster_rcnn_fpn"]
    if wrong is right:
        return _nothing
    owners = [
        module
        for module in _gluoncv_modules()
        if vars(module).get(right.__name__) is wrong and module.__name__ != wrong.__module__
    ]

    def build(*args: Any, **kwargs: Any) -> Any:
        """Build what the script means: train_doublehead_rcnn asks for its own network by the same name."""
        return (wrong if "doublehead" in sys.argv[0] else right)(*args, **kwargs)

    for module in owners:
        setattr(module, right.__name__, right)
    model_zoo._models[right.__name__] = wraps(right)(build)

    def undo() -> None:
        for module in owners:
            setattr(module, right.__name__, wrong)
        model_zoo._models[right.__name__] = wrong

    return undo


def _rcnn_resume() -> Undo:
    """A Faster R-CNN that has trained has a target generator, which one that is to resume has not built yet."""
    from gluoncv.model_zoo.rcnn.faster_rcnn.faster_rcnn import FasterRCNN

    def load_parameters(call: Call) -> None:
        if any("target_generator" in name for name in mx.nd.load(call["filename"])):
            _ = call.instance.target_generator  # a property that builds it
        call()

    return intercept(FasterRCNN, "load_parameters", load_parameters)


def _hanging_threads() -> Undo:
    """After an exception, GluonCV's worker threads keep the process alive for ever."""
    from gluoncv.utils import parallel

    class DaemonThreading:
        """The ``threading`` that ``gluoncv.utils.parallel`` sees."""

        Thread = staticmethod(partial(threading.Thread, daemon=True))

        def __getattr__(self, name: str) -> Any:
            return getattr(threading, name)

    parallel.threading = DaemonThreading()
    return partial(setattr, parallel, "threading", threading)


def _no_gpu_batches() -> Undo:
    """A script that loads one image per GPU asks for batches of 0 images where there is none."""

    return intercept(
        mx.gluon.data.DataLoader,
        "__init__",
        lambda call: call(batch_size=1) if call["batch_size"] == 0 else call(),
    )


def _key_point_scores() -> Undo:
    """The score of a person without a joint in sight is NumPy's integer, which JSON does not take."""
    return when_imported("gluoncv.utils.metrics.coco_keypoints", _plain_scores)


def _plain_scores(module: Any) -> Undo:
    def update(call: Call) -> Any:
        for result in call.instance._results:
            result["score"] = float(result["score"])
        return call()

    return intercept(module.COCOKeyPointsMetric, "_update", update)


def _rehearsal_cifar() -> Undo:
    """MXNet's CIFAR10 downloads whatever has not the official checksums."""
    from mxnet.gluon.data.vision import datasets

    from .rehearsal import layout_of

    return intercept(
        datasets,
        "check_sha1",
        lambda call: layout_of(Path(call["filename"]).parent) == "cifar" or call(),
    )


WORKAROUNDS = (
    Workaround("numpy-names", "names that NumPy has removed and GluonCV uses", _numpy_names, _no_numpy_names),
    Workaround(cores.NAME, "MXNet computes with every core: set before it is loaded", lambda: _nothing),
    Workaround("list-batches", "batches of a DataLoader are not taken for DALI's", _list_batches),
    Workaround(
        "custom-fpn", "custom_faster_rcnn_fpn is the one of faster_rcnn, not of doublehead_rcnn", _custom_fpn
    ),
    Workaround("rcnn-resume", "--resume of Faster R-CNN finds the target generator", _rcnn_resume),
    Workaround("roi-align", "rows of masked regions are zero after ROIAlign on the CPU", masked_roi_align),
    Workaround(
        "batch-norm-statistics",
        "a BatchNorm with nothing to learn, as the first of a ResNet-v2, learns its statistics on the CPU",
        statistics_without_parameters,
    ),
    Workaround(
        "convolution-3d",
        "a BatchNorm beside a 3-D convolution has a gradient on the CPU: i3d and slowfast train",
        plain_layout_of_convolution3d,
    ),
    Workaround("key-point-scores", "scores of key points can be written as JSON", _key_point_scores),
    Workaround(
        "no-gpu-batches", "a batch of one image per GPU has one image where there is no GPU", _no_gpu_batches
    ),
    Workaround(
        "distributed-weights",
        "workers that update by themselves all start from the weights of rank 0",
        weights_before_gradients,
    ),
    Workaround("autogluon-transforms", "train_horovod runs without autogluon", autogluon_transforms),
    Workaround("mxboard", "mxboard's SummaryWriter is tensorboardX's where mxboard does not import", mxboard),
    Workaround("pil-antialias", "a name that Pillow has removed: Image.ANTIALIAS", antialias),
    Workaround("scipy-interp2d", "a function that SciPy has removed: interpolate.interp2d", interp2d),
    Workaround("rehearsal-cifar", "a folder written by gluon-doconv data cifar is read", _rehearsal_cifar),
    Workaround("hanging-threads", "the process ends after an exception", _hanging_threads),
    Workaround(
        "autocfg-types", "gluoncv.auto.estimators can be imported on Python 3.10 and later", autocfg_types
    ),
)


def apply_workarounds(without: Sequence[str] = ()) -> Undo:
    """Apply every workaround but those named; the returned call undoes them all.

    Raises
    ------
    DOConvError
        If there is none of such a name; nothing is applied then.
    """
    known = [workaround.name for workaround in WORKAROUNDS]
    for name in without:
        if name not in known:
            raise DOConvError(f"no workaround is called {name!r}; there are {known}")
    undos = [
        workaround.disable() if workaround.name in without else workaround.apply() for workaround in WORKAROUNDS
    ]

    def undo() -> None:
        for one in reversed(undos):
            one()

    return undo


def _gluoncv_modules() -> list[Any]:
    return [module for name, module in list(sys.modules.items()) if name.split(".")[0] == "gluoncv" and module]
