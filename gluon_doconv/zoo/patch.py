"""The patch: from now on whatever GluonCV builds has DO-Conv, with every layer and parameter name as it was."""

from __future__ import annotations

import os
import tempfile
import warnings
from contextlib import contextmanager
from dataclasses import dataclass
from math import prod
from typing import Any, Callable, Iterable, Iterator

import mxnet as mx
from mxnet.gluon import Block, Trainer

from ..checkpoint import find_pairs, with_identities, with_structural_names
from ..convert import apply, doconv_sites, over_parameterize_sites
from ..errors import DOConvError, DOConvWarning
from ..files import Arrays
from ..hooks import Undo, wrap_method
from ..options import Options
from ..select import Selection
from ..sites import Site, find_sites
from .builds import BuildHook
from .estimators import hook_estimators

TESTED_MXNET = ("1.9.1",)
TESTED_GLUONCV = ("0.6.0", "0.7.0", "0.10.0", "0.10.5", "0.11.0")


@dataclass(frozen=True)
class Built:
    """A network that GluonCV built under the patch: its name, DO-Conv convolutions, and all convolutions."""

    name: str
    doconv: int
    convolutions: int


class Patch:
    """One application of the patch. :func:`patch` and :func:`unpatch` are the way to use it."""

    def __init__(self, selection: Selection, options: Options) -> None:
        self.selection, self.options = selection, options
        self.built: list[Built] = []
        self._build_hook = BuildHook(self._on_built)
        self._undo: list[Undo] = []

    def start(self) -> None:
        """Hook into MXNet."""
        self._build_hook.start()
        self._undo = [
            self._build_hook.stop,
            wrap_method(Block, "load_parameters", self._load_parameters),
            wrap_method(Trainer, "__init__", self._make_trainer),
            hook_estimators(),
        ]

    def stop(self) -> None:
        """Leave MXNet as it was, object for object."""
        for undo in reversed(self._undo):
            undo()

    def _on_built(self, net: Block) -> None:
        report = apply(net, self.selection, self.options)
        self.built.append(Built(net.name, len(doconv_sites(net)), len(report.layers)))

    def _load_parameters(
        self, original: Callable[..., None], net: Block, filename: str, *args: Any, **kwargs: Any
    ) -> None:
        """A plain file and a DO-Conv file both load; what else a file lacks is the error it was."""
        found = mx.nd.load(filename) if os.path.isfile(filename) else None
        if not isinstance(found, dict):
            return original(net, filename, *args, **kwargs)
        arrays = with_structural_names(found, net)
        over_parameterize_sites(net, _with_d_in_file_only(net, arrays))
        arrays = with_identities(arrays, net)
        if arrays.keys() == found.keys():
            return original(net, filename, *args, **kwargs)
        with tempfile.TemporaryDirectory() as folder:
            temporary = os.path.join(folder, os.path.basename(filename))
            mx.nd.save(temporary, arrays)
            return original(net, temporary, *args, **kwargs)

    def _make_trainer(
        self, original: Callable[..., None], trainer: Trainer, params: Any, *args: Any, **kwargs: Any
    ) -> None:
        """Fail closed: a Trainer of convolutions, none of them DO-Conv, is not what was asked for."""
        parameters = list(params.values()) if hasattr(params, "values") else list(params)
        kernels = [p for p in parameters if p.shape and len(p.shape) > 2 and prod(p.shape[2:]) > 1]
        if kernels and not any(p.name.endswith("D") for p in parameters):
            raise DOConvError(
                f"the patch took no effect: this Trainer is given {len(parameters)} parameters, such as "
                f"{kernels[0].name}, and no D. The network was built before gluon_doconv.patch(), or not by "
                "GluonCV (then call gluon_doconv.over_parameterize(net)). Built under the patch so far: "
                f"{', '.join(built.name for built in self.built) or 'nothing'}."
            )
        original(trainer, params, *args, **kwargs)


_active: Patch | None = None


def patch(
    include: str | Iterable[str] | None = None,
    exclude: str | Iterable[str] | None = None,
    stages: int | Iterable[int] | None = None,
    part: str | None = None,
    d_mul: int | None = None,
    d_initializer: str = "identity",
    d_wd_mult: float = 1.0,
) -> Patch:
    """From now on, give DO-Conv to whatever GluonCV builds, before or after gluoncv is imported.

    Networks come out with every layer and parameter name as it was, and load plain and DO-Conv files through
    their own ``load_parameters``. A Trainer of convolutions without any D is refused.

    Parameters
    ----------
    include, exclude, stages, part : see :class:`~gluon_doconv.select.Selection`
    d_mul, d_initializer, d_wd_mult : see :class:`~gluon_doconv.options.Options`

    Returns
    -------
    Patch
        Its ``built`` lists the networks built so far.

    Raises
    ------
    DOConvError
        If a selection or an option is not valid; and later, where a network is built in which nothing matches.

    Warns
    -----
    DOConvWarning
        If it is patched already, and then the old patch stays; or on versions that were not tested.
    """
    global _active
    if _active is not None:
        warnings.warn("GluonCV is patched already; nothing was changed", DOConvWarning, stacklevel=2)
        return _active
    selection = Selection.of(include, exclude, stages, part)
    made = Patch(selection, Options(d_mul=d_mul, d_initializer=d_initializer, d_wd_mult=d_wd_mult))
    _check_versions()
    made.start()
    _active = made
    return made


def unpatch() -> None:
    """Undo :func:`patch`: MXNet and GluonCV are what they were, object for object. Networks keep their D."""
    global _active
    if _active is None:
        warnings.warn("GluonCV is not patched; nothing was changed", DOConvWarning, stacklevel=2)
        return
    _active.stop()
    _active = None


def is_patched() -> bool:
    """Whether :func:`patch` is in force."""
    return _active is not None


@contextmanager
def patched(**kwargs: Any) -> Iterator[Patch]:
    """:func:`patch` for the length of a ``with`` block; takes the same arguments.

    Raises
    ------
    DOConvError
        At the end, if GluonCV built no network in the block.
    """
    made = patch(**kwargs)
    try:
        yield made
    finally:
        unpatch()
    if not made.built:
        raise DOConvError("the patch took no effect: GluonCV built no network in this block")


def _with_d_in_file_only(net: Block, arrays: Arrays) -> list[tuple[Site, Options]]:
    """Plain convolutions of ``net`` for which a DO-Conv file has a D, and the options that D asks for."""
    names = {id(parameter): name for name, parameter in net._collect_params_with_prefix().items()}
    named = ((site, f"{names[id(site.weight)][: -len('weight')]}D") for site in find_sites(net))
    pairs = {pair.d for pair in find_pairs(arrays)}
    return [(site, Options(d_mul=arrays[d].shape[1])) for site, d in named if site.d is None and d in pairs]


def _check_versions() -> None:
    import gluoncv

    for module, tested in ((mx, TESTED_MXNET), (gluoncv, TESTED_GLUONCV)):
        if module.__version__ not in tested:
            warnings.warn(
                f"{module.__name__} {module.__version__} was not tested with gluon_doconv (tested: "
                f"{', '.join(tested)}). Look at the report of which layers are DO-Conv.",
                DOConvWarning,
                stacklevel=3,
            )
