"""Over-parameterize a live network, and fold it."""

from __future__ import annotations

import warnings
from contextlib import contextmanager
from typing import Iterable, Iterator, Sequence

from mxnet.gluon import Block

from ..errors import DOConvError, DOConvWarning
from . import names
from .arguments import a_network, takes
from .composing import composing_of
from .config import DOConvConfig
from .convolutions import Convolution, find_convolutions
from .owners import forget_graphs_with, holders_of
from .report import LayerReport, Report
from .selection import reasons

ALREADY = "DO-Conv already"


@takes(net=a_network)
def over_parameterize(
    net: Block,
    include: str | Iterable[str] | None = None,
    exclude: str | Iterable[str] | None = None,
    stages: int | Iterable[int] | None = None,
    part: str | None = None,
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
    net : Block
        The network.
    include, exclude : str or iterable of str, optional
        Regular expressions, searched for in a layer's structural name and in its Gluon name. Nothing to
        include means everything.
    stages : int or iterable of int, optional
        The paper's stages (Table 6): 0 is the stem, 1 to 4 are those of a ResNet, 1 to 3 on CIFAR.
    part : {'backbone', 'head'}, optional
        Only this part of a segmentation or detection network.
    d_mul : int, optional
        Depth multiplier, at least M·N; by default M·N, the paper's choice.
    d_initializer : {'identity', 'he'}
        How D starts. With the identity the network computes what it computed before (Table 7).
    composition : {'kernel', 'feature', 'auto'}
        Which of the two equal compositions (equation 3) trains; ``'auto'`` is the one of fewer MACCs for the
        input's size.
    d_wd_mult : float
        Weight-decay multiplier of D. Decay pulls D to the identity; 0 leaves D undecayed.

    Returns
    -------
    Report
        Which convolutions were changed, which were not, and why. Print it.

    Raises
    ------
    DOConvError
        If nothing is matched, or if a convolution cannot be over-parameterized; nothing is changed then.

    Warns
    -----
    DOConvWarning
        If all that was chosen is DO-Conv already; nothing is changed.

    Examples
    --------
    >>> net = get_model("cifar_resnet20_v1", classes=10)
    >>> report = doconv.over_parameterize(net, stages=[0, 1])
    >>> len(report.changed)
    7
    """
    config = DOConvConfig(include, exclude, stages, part, d_mul, d_initializer, composition, d_wd_mult)
    report = over_parameterize_selected(net, find_convolutions(net), config)
    if not report.changed:
        warnings.warn(f"{net.name} is DO-Conv already; nothing was changed", DOConvWarning, stacklevel=3)
    return report


def over_parameterize_selected(net: Block, convolutions: Sequence[Convolution], config: DOConvConfig) -> Report:
    """Over-parameterize what ``config`` selects of all ``convolutions`` of ``net``; silent where all is done.

    Raises
    ------
    DOConvError
        As :func:`over_parameterize`.
    """
    plan = [
        (convolution, reason or (ALREADY if convolution.d is not None else None))
        for convolution, reason in zip(convolutions, reasons(config, convolutions))
    ]
    chosen = [convolution for convolution, reason in plan if reason is None]
    over_parameterize_convolutions(net, convolutions, [(convolution, config) for convolution in chosen])
    return Report("over-parameterized", [_line(convolution, reason) for convolution, reason in plan])


def over_parameterize_convolutions(
    net: Block, convolutions: Sequence[Convolution], plan: Sequence[tuple[Convolution, DOConvConfig]]
) -> None:
    """Over-parameterize what ``plan`` chooses of all ``convolutions`` of ``net``; if one cannot be, none is.

    What convolves with the same weights elsewhere, in another network, is over-parameterized with it.
    """
    configs = {id(convolution.weight): config for convolution, config in plan}
    known = {id(convolution) for convolution, _ in plan}
    _require_all_that_share(plan, convolutions)
    elsewhere = _elsewhere([convolution for convolution, _ in plan], convolutions)
    whole = [*plan, *((other, configs[id(other.weight)]) for other in elsewhere if other.d is None)]
    for convolution, config in whole:
        if id(convolution) not in known and convolution.obstacle:
            raise DOConvError(f"{convolution.name} shares a weight of {net.name}, and {convolution.obstacle}")
        convolution.check(config)
    for convolution, config in whole:
        convolution.over_parameterize(config)
    _renew_graphs([convolution for convolution, _ in whole])


def _require_all_that_share(
    plan: Sequence[tuple[Convolution, DOConvConfig]], convolutions: Sequence[Convolution]
) -> None:
    """Raise :class:`DOConvError` if a weight is chosen for one layer of a network and not for another."""
    chosen = {id(convolution) for convolution, _ in plan}
    weights = {id(convolution.weight): convolution for convolution, _ in plan}
    for other in convolutions:
        first = weights.get(id(other.weight))
        if first is not None and other.d is None and id(other) not in chosen:
            raise DOConvError(f"{first.name} shares its weight with {other.name}: choose both, or neither")


def _elsewhere(chosen: Sequence[Convolution], convolutions: Sequence[Convolution]) -> list[Convolution]:
    """The convolutions with the weights of ``chosen`` that are not among ``convolutions``."""
    weights = {id(convolution.weight): convolution.weight for convolution in chosen}
    holders = holders_of(weights.values(), besides=[convolution.block for convolution in convolutions])
    found = (convolution for block in holders for convolution in find_convolutions(block))
    return [convolution for convolution in found if id(convolution.weight) in weights]


@takes(net=a_network)
def fold(net: Block) -> Report:
    """Fold every D of a network into its kernel, in place; the network is the plain one again.

    Classes, names, Parameter objects and their number are those of the plain network. Kernels are bitwise
    those that were trained with as many threads.

    Parameters
    ----------
    net : Block
        A network with DO-Conv layers that have values.

    Returns
    -------
    Report
        Which convolutions were folded. Print it.

    Raises
    ------
    DOConvError
        If a W or D is not finite, or has no values yet; nothing is changed then.

    Warns
    -----
    DOConvWarning
        If the network has no DO-Conv layer.

    Examples
    --------
    >>> net = get_model("cifar_resnet20_v1", classes=10)
    >>> _ = doconv.over_parameterize(net)
    >>> net.initialize()
    >>> images = mx.nd.random.normal(shape=(2, 3, 32, 32))
    >>> trained = net(images).asnumpy()
    >>> len(doconv.fold(net).changed)
    19
    >>> bool((net(images).asnumpy() == trained).all())
    True
    """
    convolutions = find_convolutions(net)
    doconv = [convolution for convolution in convolutions if convolution.d is not None]
    if not doconv:
        warnings.warn(f"{net.name} has no DO-Conv layer; nothing was changed", DOConvWarning, stacklevel=3)
    lines = [_line(convolution, None if convolution.d else "plain already") for convolution in convolutions]
    kernels = {id(convolution.weight): convolution.folded_kernel() for convolution in doconv}
    elsewhere = [other for other in _elsewhere(doconv, convolutions) if other.d is not None]
    for convolution in (*doconv, *elsewhere):
        convolution.fold(kernels.pop(id(convolution.weight), None))
    _renew_graphs([*doconv, *elsewhere])
    return Report("folded", lines)


def doconv_convolutions(net: Block) -> list[Convolution]:
    """The DO-Conv convolutions of ``net``."""
    return [convolution for convolution in find_convolutions(net) if convolution.d is not None]


def is_doconv(net: Block) -> bool:
    """Tell whether ``net`` has any D; the names of its Parameters say it, without a search for convolutions."""
    parameters = net.collect_params()
    return any(names.weight_of(name, parameters) for name in parameters)


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
    found = [composing_of(block) for block in blocks]
    changed = [each for each in found if each is not None and each.composition != composition]
    chosen = [each.composition for each in changed]
    try:
        for each in changed:
            each.composition = composition
        yield bool(changed)
    finally:
        for each, own in zip(changed, chosen):
            each.composition = own


def _line(convolution: Convolution, skipped: str | None) -> LayerReport:
    return LayerReport(convolution.name, convolution.kind, convolution.kernel_size, skipped)


def _renew_graphs(changed: Sequence[Convolution]) -> None:
    """Let every network run as the ``changed`` convolutions now are."""
    for graph in {convolution.graph for convolution in changed if convolution.graph is not None}:
        graph.put_back()
    forget_graphs_with([convolution.block for convolution in changed])
