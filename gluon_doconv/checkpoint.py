"""``.params`` files: plain ↔ DO-Conv ↔ folded, with no network needed where the arrays say enough.

A file in DO-Conv form holds, beside the ``weight`` of each over-parameterized convolution, an array ``D`` of
shape (M·N, D_mul, C_in); that is what tells it from a plain file. A folded file *is* a plain file: its names,
shapes and number of arrays are those of the stock network.
"""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from math import isqrt, prod
from typing import Any, Mapping

import mxnet as mx
import numpy as np
from mxnet.gluon import Block
from mxnet.gluon.parameter import Parameter
from tabulate import tabulate

from . import kernel
from .convert import doconv_sites, require_doconv
from .errors import DOConvError
from .files import Arrays, read_params, write_params
from .parameters import fold_checked
from .sites import Site


@dataclass(frozen=True)
class Pair:
    """The two arrays of one DO-Conv layer in a file, and the kernel size they speak of."""

    weight: str
    d: str
    kernel_size: tuple[int, ...] | None

    @property
    def layer(self) -> str:
        """The layer's name: what the names of its arrays begin with."""
        return self.d[:-2]


@dataclass(frozen=True)
class Form:
    """Which form a ``.params`` file is in: ``'DO-Conv'``, or ``'plain'`` (which a folded file is)."""

    path: str
    form: str
    arrays: int
    layers: tuple[tuple[str, tuple[int, ...], tuple[int, ...]], ...]

    def __str__(self) -> str:
        if self.form == "plain":
            return f"{self.path}: a plain (or folded) file of {self.arrays} arrays; it has no D"
        table = tabulate(
            [(name, str(weight), str(d)) for name, weight, d in self.layers],
            headers=["layer", "weight", "D (M·N, D_mul, C_in)"],
        )
        return f"{table}\n{self.path}: a DO-Conv file of {self.arrays} arrays, {len(self.layers)} of them D"


def inspect(path: str | os.PathLike) -> Form:
    """Say which form a ``.params`` file is in, and which layers are DO-Conv."""
    arrays = read_params(path)
    pairs = find_pairs(arrays)
    layers = tuple((pair.layer, arrays[pair.weight].shape, arrays[pair.d].shape) for pair in pairs)
    return Form(str(path), "DO-Conv" if pairs else "plain", len(arrays), layers)


def find_pairs(arrays: Arrays) -> list[Pair]:
    """The DO-Conv layers among named arrays: every ``X.D`` (or ``X_D``) beside its ``X.weight``."""
    stems = [name[:-1] for name in arrays if _is_d(name)]
    pairs = [(f"{stem}weight", f"{stem}D") for stem in stems if f"{stem}weight" in arrays]
    shapes = ((pair, arrays[pair[0]].shape, arrays[pair[1]].shape) for pair in pairs)
    return [Pair(*pair, _kernel_size(weight, d)) for pair, weight, d in shapes if _belong_together(weight, d)]


def fold_arrays(
    arrays: Arrays, kernel_sizes: Mapping[str, tuple[int, ...]] | None = None
) -> dict[str, mx.nd.NDArray]:
    """Fold every pair W, D among named arrays; the others are passed on as they are.

    Parameters
    ----------
    arrays : as in a ``.params`` file
    kernel_sizes : kernel size by layer name, for layers with D_mul ≠ M·N whose M·N is no square number: their
        arrays do not tell. A square M·N is taken for a square 2-D kernel

    Raises
    ------
    DOConvError
        If an array is not finite, or a kernel size is not known; the layer is named.
    """
    folded = dict(arrays)
    for pair in find_pairs(arrays):
        kernel_size = (kernel_sizes or {}).get(pair.layer, pair.kernel_size)
        if kernel_size is None or prod(kernel_size) != arrays[pair.d].shape[0]:
            raise DOConvError(
                f"{pair.layer}: M·N={arrays[pair.d].shape[0]} does not tell the kernel size; give it, for "
                f"instance kernel_sizes={{{pair.layer!r}: (1, {arrays[pair.d].shape[0]})}}"
            )
        folded[pair.weight] = fold_checked(
            arrays[pair.weight], folded.pop(pair.d), kernel_size, pair.weight, pair.d
        )
    left = [name for name, d in folded.items() if _is_d(name) and d.ndim == 3 and _weight_shape(name, folded)]
    if left:
        raise DOConvError(
            f"{left[0]} of shape {folded[left[0]].shape} does not belong to a weight of shape "
            f"{_weight_shape(left[0], folded)}: it is no D of DO-Conv; nothing was folded"
        )
    return folded


def fold_params(
    source: str | os.PathLike,
    target: str | os.PathLike,
    kernel_sizes: Mapping[str, tuple[int, ...]] | None = None,
) -> list[str]:
    """Fold a DO-Conv ``.params`` file into a plain one. No network is needed, and ``source`` is not changed.

    Files of ``save_parameters`` and of ``export`` (``arg:`` names) are both understood. What is written
    loads into stock GluonCV.

    Parameters
    ----------
    source, target : paths; ``target`` is written atomically, and may be ``source``
    kernel_sizes : see :func:`fold_arrays`

    Returns
    -------
    The names of the folded layers.

    Raises
    ------
    DOConvError
        If ``source`` is no DO-Conv file, or cannot be folded; nothing is written then.
    """
    arrays = read_params(source)
    pairs = find_pairs(arrays)
    if not pairs:
        raise DOConvError(f"{source} has no D beside any weight: it is a plain file, or folded already")
    write_params(target, fold_arrays(arrays, kernel_sizes))
    return [pair.layer for pair in pairs]


def over_parameterize_params(source: str | os.PathLike, target: str | os.PathLike, net: Block) -> list[str]:
    """Turn a plain ``.params`` file into the DO-Conv file of ``net``, every D at the identity.

    ``net`` is a DO-Conv network of the same architecture; its own values are not used and not changed.

    Returns
    -------
    The names of the layers that were given a D.

    Raises
    ------
    DOConvError
        If ``net`` has no DO-Conv layer, or if the file does not fit it; nothing is written then.
    """
    require_doconv(net)
    arrays = read_params(source)
    completed = complete(arrays, net, source)
    write_params(target, completed)
    return [name[:-2] for name in completed if name not in arrays]


def load_parameters(
    net: Block, path: str | os.PathLike, ctx: mx.Context | list[mx.Context] | None = None, **kwargs: Any
) -> None:
    """Load a plain or a DO-Conv ``.params`` file into a DO-Conv network.

    A layer for which the file has no D starts from the identity: it computes what the plain layer computes.

    Parameters
    ----------
    net : a network with DO-Conv layers
    path : a file of ``save_parameters``
    ctx, kwargs : as in ``Block.load_parameters``

    Raises
    ------
    DOConvError
        If anything else is missing, superfluous or of another shape; it is named, and nothing is loaded.
    """
    require_doconv(net)
    _load(net, complete(read_params(path), net, path, **kwargs), path, ctx, **kwargs)


def _load(
    net: Block,
    arrays: Arrays,
    path: str | os.PathLike,
    ctx: mx.Context | list[mx.Context] | None,
    **kwargs: Any,
) -> None:
    """Let the network load arrays as it would load a file: what it does then differs by class."""
    with tempfile.TemporaryDirectory() as folder:
        temporary = os.path.join(folder, os.path.basename(path))
        mx.nd.save(temporary, dict(arrays))
        net.load_parameters(temporary, ctx=ctx, **kwargs)


def load_folded(net: Block, path: str | os.PathLike, ctx: mx.Context | list[mx.Context] | None = None) -> None:
    """Load a plain or a DO-Conv ``.params`` file, folding it on the way, into a plain network.

    Raises
    ------
    DOConvError
        If the folded file does not fit ``net``; nothing is loaded then.
    """
    folded = fold_arrays(read_params(path))
    _load(net, complete(folded, net, path), path, ctx)


def complete(
    arrays: Arrays,
    net: Block,
    source: str | os.PathLike,
    allow_missing: bool = False,
    ignore_extra: bool = False,
    cast_dtype: bool = False,
    dtype_source: str = "current",
) -> dict[str, mx.nd.NDArray]:
    """The arrays of a plain or DO-Conv file, under structural names, with every D that ``net`` expects.

    ``source`` names the file in errors; the flags mean what they mean to ``Block.load_parameters``.

    Raises
    ------
    DOConvError
        If the arrays do not fit ``net``, beyond what the flags allow; every misfit is listed.
    """
    parameters = net._collect_params_with_prefix()
    arrays = with_identities(with_structural_names(arrays, net), net)
    found = {id(parameters[name]) for name in arrays if name in parameters}
    missing = [name for name, parameter in parameters.items() if id(parameter) not in found]
    extra = [name for name in arrays if name not in parameters]
    misfits = [
        *([] if allow_missing else [f"missing: {name}" for name in missing]),
        *([] if ignore_extra else [f"not in the network: {name}{_hint(name, arrays)}" for name in extra]),
        *_wrong_shapes(arrays, parameters),
        *([] if cast_dtype else _wrong_dtypes(arrays, parameters)),
    ]
    if misfits:
        raise DOConvError(f"{source} does not fit {net.name}; nothing was loaded\n  " + "\n  ".join(misfits))
    return arrays


def with_identities(arrays: Arrays, net: Block) -> dict[str, mx.nd.NDArray]:
    """Arrays under structural names, completed: where ``net`` has a D and they have none, the identity."""
    parameters = net._collect_params_with_prefix()
    completed = dict(arrays)
    for site in doconv_sites(net):
        _complete_site(completed, site, parameters)
    return completed


def with_structural_names(arrays: Arrays, net: Block) -> dict[str, mx.nd.NDArray]:
    """Files of ``export`` and of old GluonCV use Gluon's own names; those of ``save_parameters`` do not."""
    parameters = net._collect_params_with_prefix()
    plain = {name.split(":", 1)[-1]: array for name, array in arrays.items()}
    if any("." in name for name in plain):
        return plain
    structural = {parameter.name: name for name, parameter in parameters.items()}
    structural.update({name[len(net.prefix) :]: structural[name] for name in list(structural)})
    return {structural.get(name, name): array for name, array in plain.items()}


def _complete_site(arrays: dict[str, mx.nd.NDArray], site: Site, parameters: Mapping[str, Parameter]) -> None:
    """Where the file has no D for this layer, add the identity, and fit W to D_mul."""
    weights = [name for name, parameter in parameters.items() if parameter is site.weight and name in arrays]
    ds = [name for name, parameter in parameters.items() if parameter is site.d]
    if not weights or any(name in arrays for name in ds):
        return
    weight = arrays[weights[0]]
    if weight.shape[2:] != site.kernel_size:
        return
    shape = (prod(site.kernel_size), site.d_mul, weight.shape[1] * site.groups)
    arrays[ds[0]] = mx.nd.zeros(shape, dtype=weight.dtype)
    if shape[1] > shape[0]:
        arrays[weights[0]] = mx.nd.array(kernel.expand(weight.asnumpy(), site.d_mul), dtype=weight.dtype)


def _wrong_shapes(arrays: Arrays, parameters: Mapping[str, Parameter]) -> list[str]:
    both = (
        (name, arrays[name].shape, parameter.shape) for name, parameter in parameters.items() if name in arrays
    )
    return [
        f"wrong shape: {name} is {found} in the file and {expected} in the network"
        for name, found, expected in both
        if expected is not None
        and (len(found) != len(expected) or any(e not in (0, f) for f, e in zip(found, expected)))
    ]


def _wrong_dtypes(arrays: Arrays, parameters: Mapping[str, Parameter]) -> list[str]:
    both = (
        (name, arrays[name].dtype, parameter.dtype) for name, parameter in parameters.items() if name in arrays
    )
    return [
        f"wrong dtype: {name} is {np.dtype(found).name} in the file and {np.dtype(expected).name} in the "
        "network; cast_dtype=True casts"
        for name, found, expected in both
        if np.dtype(found) != np.dtype(expected)
    ]


def _hint(name: str, arrays: Arrays) -> str:
    if name[:-1] + "weight" in arrays and name.endswith("D"):
        return " (the file is DO-Conv here and the network is not: over-parameterize it, or fold the file)"
    return ""


def _weight_shape(d_name: str, arrays: Arrays) -> tuple[int, ...]:
    """The shape of the kernel beside a D; empty where there is none."""
    weight = arrays.get(f"{d_name[:-1]}weight")
    return weight.shape if weight is not None and weight.ndim > 2 else ()


def _is_d(name: str) -> bool:
    return name.endswith((".D", "_D", ":D")) or name == "D"


def _belong_together(weight: tuple[int, ...], d: tuple[int, ...]) -> bool:
    """Whether two shapes are those of W and D of one layer."""
    return len(weight) > 2 and len(d) == 3 and d[1] == prod(weight[2:]) and d[2] % weight[1] == 0


def _kernel_size(weight: tuple[int, ...], d: tuple[int, ...]) -> tuple[int, ...] | None:
    """M and N where the shapes tell: from W if D_mul = M·N, else a square 2-D kernel if M·N is a square."""
    patch, d_mul = d[:2]
    if patch == d_mul:
        return weight[2:]
    root = isqrt(patch)
    return (root, root) if root * root == patch else None
