"""A live network: over-parameterize it, fold it, say what it is."""

from __future__ import annotations

import warnings
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Iterable, Iterator, Sequence

from mxnet.gluon import Block, HybridBlock
from tabulate import tabulate

from ..errors import DOConvError, DOConvWarning
from . import names
from .config import Options
from .convolutions import Convolution, find_convolutions
from .selection import Selection

ALREADY = "DO-Conv already"


@dataclass(frozen=True)
class LayerReport:
    """What became of one convolution: changed (to a DO-Conv kind, or to plain), or left alone and why."""

    name: str
    kind: str
    kernel_size: tuple[int, ...]
    skipped: str | None = None


@dataclass(frozen=True)
class Report:
    """What :func:`over_parameterize` or :func:`fold` did, convolution by convolution. Print it."""

    title: str
    layers: Sequence[LayerReport]

    @property
    def changed(self) -> list[str]:
        """Structural names of the convolutions that were changed."""
        return [layer.name for layer in self.layers if layer.skipped is None]

    @property
    def skipped(self) -> dict[str, str]:
        """Structural names of the others, with the reason."""
        return {layer.name: layer.skipped for layer in self.layers if layer.skipped is not None}

    def __str__(self) -> str:
        rows = [
            (layer.name, "×".join(map(str, layer.kernel_size)), layer.skipped or layer.kind)
            for layer in self.layers
        ]
        table = tabulate(rows, headers=["layer", "kernel", self.title])
        return f"{table}\n{self.title}: {len(self.changed)} of {len(self.layers)} convolutions"


def over_parameterize(
    net: Block,
    include: str | Iterable[str] | None = None,
    exclude: str | Iterable[str] | None = None,
    stages: int | Iterable[int] | None = None,
    d_mul: int | None = None,
    d_initializer: str = "identity",
    composition: str = "kernel",
    d_wd_mult: float = 1.0,
) -> Report:
    """Turn the convolutions of a network into DO-Conv ones, in place.

    The network may be fresh or trained, hybridized or not, and may have a Trainer, which then trains every
    D as well. Layers stay the objects they are and keep their names; each gains one Parameter, ``D``.
    Convolutions inside SymbolBlocks count. Pointwise ones are left alone. Convert the outermost network: the
    graphs it has traced are renewed, those of a network around it are not.

    Parameters
    ----------
    net : the network
    include, exclude, stages : see :class:`~gluon_doconv.select.Selection`; by default all
    d_mul, d_initializer, composition, d_wd_mult : see :class:`~gluon_doconv.options.Options`

    Returns
    -------
    Report
        Which convolutions were changed, which were not, and why.

    Raises
    ------
    DOConvError
        If nothing is matched, or if a convolution cannot be over-parameterized; nothing is changed then.

    Warns
    -----
    DOConvWarning
        If all that was chosen is DO-Conv already; nothing is changed.
    """
    selection = Selection.of(include, exclude, stages)
    options = Options(d_mul, d_initializer, composition, d_wd_mult)
    report = over_parameterize_selected(net, find_convolutions(net), selection, options)
    if not report.changed:
        warnings.warn(f"{net.name} is DO-Conv already; nothing was changed", DOConvWarning, stacklevel=2)
    return report


def over_parameterize_selected(
    net: Block, convolutions: Sequence[Convolution], selection: Selection, options: Options
) -> Report:
    """Over-parameterize a selection among all ``convolutions`` of ``net``; be silent where all is done already.

    Raises
    ------
    DOConvError
        As :func:`over_parameterize`.
    """
    reasons = selection.reasons(convolutions)
    plan = [
        (convolution, reason or (ALREADY if convolution.d is not None else None))
        for convolution, reason in zip(convolutions, reasons)
    ]
    chosen = [convolution for convolution, reason in plan if reason is None]
    over_parameterize_convolutions(net, convolutions, [(convolution, options) for convolution in chosen])
    return Report("over-parameterized", [_line(convolution, reason) for convolution, reason in plan])


def over_parameterize_convolutions(
    net: Block, convolutions: Sequence[Convolution], plan: Sequence[tuple[Convolution, Options]]
) -> None:
    """Over-parameterize what ``plan`` chooses of all ``convolutions`` of ``net``; if one cannot be, none is."""
    chosen = {convolution.name for convolution, _ in plan}
    for convolution, options in plan:
        convolution.check(options)
        for other in _sharing(convolution, convolutions):
            if other.d_name != convolution.d_name or (other.d is None and other.name not in chosen):
                raise DOConvError(
                    f"{convolution.name} shares its weight with {other.name}: choose both, or neither"
                )
    for convolution, options in plan:
        for d in (other.d for other in _sharing(convolution, convolutions) if other.d is not None):
            convolution.adopt(d)
        convolution.over_parameterize(options)
    _renew_graphs(net, [convolution for convolution, _ in plan])


def fold(net: Block) -> Report:
    """Fold every D of a network into its kernel, in place; the network is the plain one again.

    Classes, names, Parameter objects and their number are those of the plain network. Kernels are bitwise
    those that were trained.

    Raises
    ------
    DOConvError
        If a W or D is not finite, or has no values yet; nothing is changed then.

    Warns
    -----
    DOConvWarning
        If the network has no DO-Conv layer; nothing is changed.
    """
    plan = [(convolution, convolution.d is None) for convolution in find_convolutions(net)]
    folding = [(convolution, convolution.folded_kernel()) for convolution, plain in plan if not plain]
    if not folding:
        warnings.warn(f"{net.name} has no DO-Conv layer; nothing was changed", DOConvWarning, stacklevel=2)
    lines = [_line(convolution, "plain already" if plain else None) for convolution, plain in plan]
    for convolution, folded in folding:
        convolution.fold(folded)
    _renew_graphs(net, [convolution for convolution, _ in folding])
    return Report("folded", lines)


def doconv_convolutions(net: Block) -> list[Convolution]:
    """The DO-Conv convolutions of ``net``."""
    return [convolution for convolution in find_convolutions(net) if convolution.d is not None]


def is_doconv(net: Block) -> bool:
    """Tell whether ``net`` has any D; the names of its Parameters say it, without a search for convolutions."""
    parameters = net.collect_params()
    return any(names.is_d(name) and names.weight_of(name) in parameters for name in parameters)


def require_doconv(net: Block) -> None:
    """Raise :class:`DOConvError` if ``net`` has no DO-Conv convolution."""
    if not is_doconv(net):
        raise DOConvError(f"{net.name} has no DO-Conv layer: call gluon_doconv.over_parameterize(net) first")


@contextmanager
def composing(net: Block, composition: str) -> Iterator[bool]:
    """Meanwhile every DO-Conv layer of ``net`` composes as said; graphs of SymbolBlocks stay as they are.

    Yields whether any layer would, or might, compose differently. Graphs traced before are not renewed.
    """
    blocks: list[Block] = []
    net.apply(blocks.append)
    layers = [block for block in blocks if getattr(block, "_composition", composition) != composition]
    chosen = [layer._composition for layer in layers]
    try:
        for layer in layers:
            layer._composition = composition
        yield bool(layers)
    finally:
        for layer, own in zip(layers, chosen):
            layer._composition = own


def _sharing(convolution: Convolution, convolutions: Sequence[Convolution]) -> list[Convolution]:
    """The other convolutions with the weight of ``convolution``: one weight folds with one D."""
    return [other for other in convolutions if other is not convolution and other.weight is convolution.weight]


def _line(convolution: Convolution, skipped: str | None) -> LayerReport:
    return LayerReport(convolution.name, convolution.kind, convolution.kernel_size, skipped)


def _renew_graphs(net: Block, changed: Sequence[Convolution]) -> None:
    """Let ``net`` run as the ``changed`` convolutions now are."""
    for graph in {convolution.graph for convolution in changed if convolution.graph is not None}:
        graph.put_back()
    forget_traced_graphs(net)


def forget_traced_graphs(net: Block) -> None:
    """Graphs that hybridized blocks traced before speak of the network as it was."""
    if isinstance(net, HybridBlock):
        net._clear_cached_op()
    for child in net._children.values():
        forget_traced_graphs(child)
