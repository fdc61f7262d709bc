"""A symbol of the Module API, in memory or as a checkpoint: there to DO-Conv, and back.

Both functions take a symbol, with its arrays if there are any, or the prefix of a checkpoint.
"""

from __future__ import annotations

import os
import warnings
from functools import singledispatch
from typing import Any, Iterable, Mapping, NamedTuple

import mxnet as mx

from ..core import names
from ..core.arguments import takes
from ..core.config import DOConvConfig
from ..core.graph import Graph
from ..core.report import Report
from ..core.symbol_convert import find_symbol_convolutions, over_parameterize_graph
from ..errors import DOConvError, DOConvWarning
from .export import checkpoint_files, fold_checkpoint, fold_graph, read_symbol, write_checkpoint
from .fold import find_pairs
from .params import Arrays, read_params


class SymbolWithParams(NamedTuple):
    """A symbol, the values of its arguments (None if there are none yet), and what was done to them."""

    symbol: mx.sym.Symbol
    arg_params: dict[str, mx.nd.NDArray] | None
    report: Report


@singledispatch
def over_parameterize_symbol(
    symbol: mx.sym.Symbol,
    arg_params: Arrays | None = None,
    include: str | Iterable[str] | None = None,
    exclude: str | Iterable[str] | None = None,
    stages: int | Iterable[int] | None = None,
    part: str | None = None,
    d_mul: int | None = None,
    d_initializer: str = "identity",
    composition: str = "kernel",
    d_wd_mult: float = 1.0,
) -> SymbolWithParams:
    """Give the convolutions of a symbol their D, for ``mx.mod.Module``, ``FeedForward`` and ``SymbolBlock``.

    Every argument keeps its name; beside ``conv0_weight`` there is ``conv0_D``, which an optimizer treats as it
    treats the weight: ``lr_mult`` and ``wd_mult`` of the weight's variable are those of D. What is given by
    name, such as ``fixed_param_names``, is extended by :func:`~gluon_doconv.with_ds`. No shapes need be known.
    A SymbolBlock takes the symbol with values for every D; without, it does not read how a variable starts:
    convert the block, then, by :func:`~gluon_doconv.over_parameterize`.

    Given the prefix of a checkpoint, do the same to files: ``over_parameterize_symbol(prefix, epoch,
    target_prefix, …)`` with the same keywords writes another checkpoint and returns the report.

    Parameters
    ----------
    symbol : Symbol, or str or path
        A symbol, which is not changed; or the prefix of a checkpoint.
    arg_params : dict of str to NDArray, optional
        Values of arguments, as ``mx.model.load_checkpoint`` gives them; not changed.
    include, exclude : str or iterable of str, optional
        Regular expressions, searched for in the name of a weight (without ``_weight``) and in that of its node.
        Nothing to include means everything.
    stages : int or iterable of int, optional
        The paper's stages (Table 6): 0 is the stem, 1 to 4 are those of a ResNet, 1 to 3 on CIFAR.
    part : {'backbone', 'head'}, optional
        Only this part of a segmentation or detection network.
    d_mul : int, optional
        Depth multiplier, at least M·N; by default M·N, the paper's choice.
    d_initializer : {'identity', 'he'}
        How D starts. With the identity the network computes what it computed before (Table 7).
    composition : {'kernel', 'auto'}
        Kernel composition (equation 3), the only one in a symbol.
    d_wd_mult : float
        Weight-decay multiplier of D. Decay pulls D to the identity; 0 leaves D undecayed.

    Returns
    -------
    SymbolWithParams
        ``symbol, arg_params, report``: ``arg_params`` with a D beside every weight, or None if none were given.

    Raises
    ------
    DOConvError
        If nothing is matched, or if a convolution cannot be over-parameterized.

    Warns
    -----
    DOConvWarning
        If all that was chosen is DO-Conv already; what was given is then returned.

    Examples
    --------
    >>> net = mx.sym.Convolution(mx.sym.var("data"), num_filter=8, kernel=(3, 3), name="conv0")
    >>> net = mx.sym.SoftmaxOutput(mx.sym.Flatten(net), name="softmax")
    >>> symbol, _, report = doconv.over_parameterize_symbol(net)
    >>> report.changed
    ['conv0']
    >>> symbol.list_arguments()
    ['data', 'conv0_weight', 'conv0_D', 'conv0_bias', 'softmax_label']
    >>> module = mx.mod.Module(symbol)  # module.fit(…) trains D
    """
    config = DOConvConfig(include, exclude, stages, part, d_mul, d_initializer, composition, d_wd_mult)
    _check_given("over_parameterize", symbol, arg_params)
    converted = SymbolWithParams(*over_parameterize_graph(symbol, arg_params, config))
    if not converted.report.changed:
        warnings.warn("the symbol is DO-Conv already; nothing was changed", DOConvWarning, stacklevel=3)
    return converted


@takes()
def over_parameterize_checkpoint(
    prefix: str | os.PathLike[str], epoch: int, target_prefix: str | os.PathLike[str], config: DOConvConfig
) -> Report:
    """Write a plain checkpoint as a DO-Conv one; its network's code is not needed.

    Parameters
    ----------
    prefix, epoch : of ``PREFIX-symbol.json`` and ``PREFIX-EPOCH.params``
    target_prefix : what the two files are named by, the same epoch in both; may be ``prefix``
    config : which convolutions, and how

    Raises
    ------
    DOConvError
        If a file is missing or damaged, or as :func:`over_parameterize_symbol`, or if all that was chosen is
        DO-Conv already; nothing is written then.
    """
    symbol_file, params_file = checkpoint_files(str(prefix), epoch)
    symbol, arrays = read_symbol(symbol_file), read_params(params_file)
    kinds = {names.without_kind(name): name for name in arrays}
    values = {names.without_kind(name): array for name, array in arrays.items()}
    changed, completed, report = over_parameterize_graph(symbol, values, config)
    if not report.changed:
        raise DOConvError(f"{symbol_file} is DO-Conv already; nothing was written")
    assert completed is not None
    written = {kinds.get(name, f"arg:{name}"): array for name, array in completed.items()}
    write_checkpoint(str(target_prefix), epoch, changed, written)
    return report


@singledispatch
def fold_symbol(symbol: mx.sym.Symbol, arg_params: Arrays | None = None) -> SymbolWithParams:
    """Fold every D of a symbol into its kernel: the way back from :func:`over_parameterize_symbol`.

    What comes out is the plain symbol, node for node, and computes bitwise what was trained with as many
    threads.

    Given the prefix of a checkpoint, do the same to files: ``fold_symbol(prefix, epoch, target_prefix)`` writes
    a plain checkpoint and returns the names of the folded layers.

    Parameters
    ----------
    symbol : Symbol, or str or path
        A symbol, which is not changed; or the prefix of a checkpoint.
    arg_params : dict of str to NDArray, optional
        Values of its arguments, as ``Module.get_params`` gives them; not changed.

    Returns
    -------
    SymbolWithParams
        ``symbol, arg_params, report``: W' under the name of each weight and no D; None if none were given.

    Raises
    ------
    DOConvError
        If a value is not finite or a D is missing, or if the symbol was traced by feature composition.

    Warns
    -----
    DOConvWarning
        If the symbol has no D; what was given is then returned.

    Examples
    --------
    >>> plain = mx.sym.Convolution(mx.sym.var("data"), num_filter=8, kernel=(3, 3), name="conv0")
    >>> weights = {"conv0_weight": mx.nd.ones((8, 3, 3, 3)), "conv0_bias": mx.nd.zeros(8)}
    >>> symbol, arg_params, _ = doconv.over_parameterize_symbol(plain, weights)
    >>> sorted(arg_params)
    ['conv0_D', 'conv0_bias', 'conv0_weight']
    >>> symbol, arg_params, _ = doconv.fold_symbol(symbol, arg_params)
    >>> sorted(arg_params), symbol.list_arguments()
    (['conv0_bias', 'conv0_weight'], ['data', 'conv0_weight', 'conv0_bias'])
    """
    _check_given("fold", symbol, arg_params)
    convolutions = find_symbol_convolutions(symbol, Graph(symbol), arg_params)
    lines = [one.report(None if one.node.d else "plain already") for one in convolutions]
    report = Report("folded", lines)
    if not report.changed:
        warnings.warn("the symbol has no D; nothing was changed", DOConvWarning, stacklevel=3)
    given = arg_params or {}
    missing = [
        one.node.d for one in convolutions if one.node.weight in given and one.node.d not in (None, *given)
    ]
    if missing:
        raise DOConvError(f"arg_params has no {missing[0]}: give all parameters, or none")
    plain, folded, _ = fold_graph(symbol, given, find_pairs(given))
    return SymbolWithParams(plain, None if arg_params is None else folded, report)


def _over_parameterize_prefix(prefix: Any, epoch: int, target_prefix: Any, **config: Any) -> Any:
    return over_parameterize_checkpoint(prefix, epoch, target_prefix, DOConvConfig(**config))


def _fold_prefix(prefix: Any, epoch: int, target_prefix: Any) -> Any:
    return fold_checkpoint(prefix, epoch, target_prefix)


for _type_of_prefix in (str, os.PathLike):
    over_parameterize_symbol.register(_type_of_prefix)(_over_parameterize_prefix)
    fold_symbol.register(_type_of_prefix)(_fold_prefix)


def _check_given(verb: str, symbol: Any, arg_params: Any) -> None:
    if not isinstance(symbol, mx.sym.Symbol):
        raise DOConvError(
            f"{verb}_symbol was given a {type(symbol).__name__}; it takes a Symbol, such as module.symbol, or "
            f"the prefix of a checkpoint. Networks of Gluon go to gluon_doconv.{verb}."
        )
    if not isinstance(arg_params, (Mapping, type(None))):
        raise DOConvError(
            f"{verb}_symbol was given a {type(arg_params).__name__} as arg_params; it takes a dictionary by "
            "name, the first of the two that Module.get_params returns"
        )
    if arg_params and not set(arg_params) & set(symbol.list_arguments()):
        raise DOConvError(
            f"none of the {len(arg_params)} arg_params, such as {next(iter(arg_params))!r}, is an argument of "
            f"the symbol, such as {symbol.list_arguments()[0]!r}; load them by mx.model.load_checkpoint"
        )
