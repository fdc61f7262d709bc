"""Fold ``.params`` files: arrays to arrays, with no network.

A file in DO-Conv form holds, beside the ``weight`` of each over-parameterized convolution, an array ``D``; that
is what tells it from a plain file. One of the two has the kernel size in its shape: the weight,
(C_out, C_in/groups, M, N) beside D, (M·N, D_mul, C_in); or where D_mul ≠ M·N, D, (1, M, N, D_mul, C_in)
beside the weight, (C_out, C_in/groups, D_mul). No array is added to say so: whatever writes parameters, by any
of MXNet's ways, writes the arrays of Parameters alone, and whatever reads them refuses one it does not expect.
A folded file *is* a plain file: its names, shapes and number of arrays are those of the stock network.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from math import isqrt, prod
from typing import Sequence

import mxnet as mx
from tabulate import tabulate

from ..core import names
from ..core.arguments import a_path, takes
from ..core.arrays import fold_checked
from ..errors import DOConvError
from .params import Arrays, read_params, write_params


@dataclass(frozen=True)
class Pair:
    """The two arrays of one DO-Conv layer in a file, and the kernel size they speak of."""

    weight: str
    d: str
    kernel_size: tuple[int, ...] | None

    @property
    def layer(self) -> str:
        """The layer's name: what the names of its arrays begin with."""
        return names.layer_of(self.d)


@dataclass(frozen=True)
class CheckpointInfo:
    """Describe a ``.params`` file. Print it.

    Parameters
    ----------
    path : str
        The file.
    kind : str
        ``'DO-Conv'``, or ``'plain'``, which a folded file is as well.
    arrays : int
        How many arrays it holds, D included.
    layers : tuple of (str, tuple of int, tuple of int)
        Name, shape of the weight and shape of D of each DO-Conv layer.
    """

    path: str
    kind: str
    arrays: int
    layers: tuple[tuple[str, tuple[int, ...], tuple[int, ...]], ...]

    def __str__(self) -> str:
        if self.kind == "plain":
            return f"{self.path}: a plain (or folded) file of {self.arrays} arrays; it has no D"
        table = tabulate(
            [(name, str(weight), str(d)) for name, weight, d in self.layers],
            headers=["layer", "weight", "D (M·N or 1, M, N; D_mul; C_in)"],
        )
        return f"{table}\n{self.path}: a DO-Conv file of {self.arrays} arrays, {len(self.layers)} of them D"


@takes(path=a_path)
def inspect(path: str | os.PathLike[str]) -> CheckpointInfo:
    """Say which kind of file a ``.params`` file is, and which of its layers are DO-Conv.

    Parameters
    ----------
    path : path
        A file of ``save_parameters`` or of ``export``.

    Returns
    -------
    CheckpointInfo
        Print it for a table of the layers and their shapes.

    Raises
    ------
    DOConvError
        If the file is missing or damaged.

    Examples
    --------
    >>> layer = doconv.DOConv2D(8, 3, in_channels=4)
    >>> layer.initialize()
    >>> layer.save_parameters("layer.params")
    >>> info = doconv.inspect("layer.params")
    >>> info.kind, info.arrays
    ('DO-Conv', 3)
    """
    arrays = read_params(path)
    pairs = find_pairs(arrays)
    layers = tuple((pair.layer, arrays[pair.weight].shape, arrays[pair.d].shape) for pair in pairs)
    return CheckpointInfo(str(path), "DO-Conv" if pairs else "plain", len(arrays), layers)


def find_pairs(arrays: Arrays) -> list[Pair]:
    """The DO-Conv layers among named arrays: every ``X.D`` (or ``X_D``) beside its ``X.weight``."""
    found = ((names.weight_of(name, arrays), name) for name in arrays)
    pairs = [(weight, d, arrays[weight].shape, arrays[d].shape) for weight, d in found if weight]
    return [
        Pair(weight, d, _kernel_size(shape, d_shape))
        for weight, d, shape, d_shape in pairs
        if _belong_together(shape, d_shape)
    ]


def fold_pairs(arrays: Arrays, pairs: Sequence[Pair]) -> dict[str, mx.nd.NDArray]:
    """Fold the pairs that :func:`find_pairs` found among ``arrays``; the others are passed on as they are.

    Raises
    ------
    DOConvError
        If an array is not finite, or a kernel size is not known; the layer is named.
    """
    folded = dict(arrays)
    for pair in pairs:
        d, size = folded.pop(pair.d), pair.kernel_size
        if size is None or prod(size) != prod(d.shape[:-2]):
            raise DOConvError(
                f"{pair.layer}: a D of shape {d.shape} does not tell the kernel size, as in files of former "
                "versions: load this one into its network by load_parameters, and save that"
            )
        folded[pair.weight] = fold_checked(arrays[pair.weight], d, size, pair.weight, pair.d)
    left = [name for name, d in folded.items() if d.ndim > 2 and _weight_shape(name, folded)]
    if left:
        raise DOConvError(
            f"{left[0]} of shape {folded[left[0]].shape} does not belong to a weight of shape "
            f"{_weight_shape(left[0], folded)}: it is no D of DO-Conv; nothing was folded"
        )
    return folded


@takes(source=a_path, target=a_path)
def fold_params(source: str | os.PathLike[str], target: str | os.PathLike[str]) -> list[str]:
    """Fold a DO-Conv ``.params`` file into a plain one. No network is needed, and ``source`` is not changed.

    Files of ``save_parameters`` and of ``export`` (``arg:`` names) are both understood. What is written
    loads into stock GluonCV.

    Parameters
    ----------
    source, target : path
        ``target`` is written atomically, and may be ``source``.

    Returns
    -------
    list of str
        The names of the folded layers.

    Raises
    ------
    DOConvError
        If ``source`` is no DO-Conv file, or cannot be folded; nothing is written then.

    Examples
    --------
    >>> net = get_model("cifar_resnet20_v1", classes=10)
    >>> _ = doconv.over_parameterize(net)
    >>> net.initialize()
    >>> _ = net(mx.nd.zeros((1, 3, 32, 32)))
    >>> net.save_parameters("trained.params")
    >>> doconv.fold_params("trained.params", "plain.params")[:2]
    ['features.0', 'features.2.0.body.0']
    >>> doconv.inspect("plain.params").kind
    'plain'
    """
    arrays = read_params(source)
    pairs = find_pairs(arrays)
    if not pairs:
        raise DOConvError(f"{source} has no D beside any weight: it is a plain file, or folded already")
    write_params(target, fold_pairs(arrays, pairs))
    return [pair.layer for pair in pairs]


def _weight_shape(d_name: str, arrays: Arrays) -> tuple[int, ...]:
    """The shape of the kernel beside a D; empty where there is none."""
    weight = names.weight_of(d_name, arrays)
    return arrays[weight].shape if weight and arrays[weight].ndim > 2 else ()


def _belong_together(weight: tuple[int, ...], d: tuple[int, ...]) -> bool:
    """Whether two shapes are those of W and D of one layer."""
    is_d = len(d) == 3 or (len(d) > 3 and d[0] == 1)
    whole = len(weight) > 2 and is_d and min(*weight, *d) > 0
    return whole and d[-2] == prod(weight[2:]) and d[-1] % weight[1] == 0


def _kernel_size(weight: tuple[int, ...], d: tuple[int, ...]) -> tuple[int, ...] | None:
    """M and N. Of a D of former files, in which M·N is one axis, a square is taken for that of a 2-D kernel."""
    *head, d_mul, _ = d
    if prod(head) == d_mul:
        return weight[2:]
    root = isqrt(head[0])
    former = (root, root) if root * root == head[0] else None
    return tuple(head[1:]) or former
