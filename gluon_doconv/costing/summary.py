"""What a network is made of, convolution by convolution, and what each composition costs."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from math import prod
from typing import Mapping, Sequence

from mxnet.gluon import Block
from tabulate import tabulate

from ..core.arguments import a_network, a_shape_or_none, takes
from ..core.convolutions import Convolution, find_convolutions
from ..core.kernel import Geometry
from ..core.macc import Macc, macc
from ..core.tracing import trace


@dataclass(frozen=True)
class LayerSummary:
    """Describe one convolution.

    Parameters
    ----------
    name : str
        Structural name.
    kind : str
        ``'DO-Conv'``, ``'DO-DConv'``, ``'DO-GConv'`` or ``'plain'``.
    channels : (int, int)
        Of input and output; 0 where not known yet.
    kernel_size : tuple of int
        (M, N), or as many numbers as there are spatial axes.
    groups : int
        1 for an ordinary convolution.
    d_mul : int or None
        Depth multiplier; None for a plain layer.
    parameters, d_parameters : int
        Numbers in the weight and in D. A shared weight is counted once.
    maccs : Macc or None
        Per image; None without an input shape.
    note : str
        Why DO-Conv does not apply, or whose weight it is.
    """

    name: str
    kind: str
    channels: tuple[int, int]
    kernel_size: tuple[int, ...]
    groups: int
    d_mul: int | None
    parameters: int
    d_parameters: int
    maccs: Macc | None
    note: str

    def row(self) -> tuple:
        """Return the cells of this line of the table."""
        counts = (self.maccs.plain, self.maccs.kernel, self.maccs.feature) if self.maccs else ()
        shape = f"{self.channels[0] or '?'} → {self.channels[1]}"
        size = "×".join(map(str, self.kernel_size))
        kind = f"{self.kind}, {self.note}" if self.note else self.kind
        return (
            self.name,
            kind,
            shape,
            size,
            self.groups,
            self.d_mul,
            self.parameters,
            self.d_parameters,
            *counts,
        )


@dataclass(frozen=True)
class Summary:
    """Describe every convolution of a network. Print it."""

    layers: Sequence[LayerSummary]

    @property
    def doconv(self) -> list[LayerSummary]:
        """Return the over-parameterized ones."""
        return [layer for layer in self.layers if layer.d_mul is not None]

    def __str__(self) -> str:
        headers = ["layer", "kind", "channels", "kernel", "groups", "D_mul", "weights", "D"]
        if any(layer.maccs for layer in self.layers):
            headers += ["MACC plain", "kernel comp.", "feature comp."]
        rows = [[_text(cell) for cell in layer.row()] for layer in self.layers]
        table = tabulate(rows, headers=headers, disable_numparse=True)
        weights = sum(layer.parameters for layer in self.layers)
        extra = sum(layer.d_parameters for layer in self.layers)
        total = f"{len(self.doconv)} of {len(self.layers)} convolutions are DO-Conv"
        if not all(layer.channels[0] for layer in self.layers):
            return f"{table}\n{total}; parameters are not known before the input's shape is"
        return (
            f"{table}\n{total}; while training D adds {extra:,} parameters to the {weights:,} of the "
            f"convolutions, after folding none{self._macc_line()}"
        )

    def _macc_line(self) -> str:
        counted = [layer.maccs for layer in self.doconv if layer.maccs]
        if not counted:
            return ""
        plain, kernel, feature = (
            sum(getattr(count, name) for count in counted) for name in ("plain", "kernel", "feature")
        )
        return (
            f"\nMACC of the DO-Conv layers, one image: plain and folded {plain:,}; "
            f"kernel composition {kernel:,} (×{kernel / plain:.3f}); "
            f"feature composition {feature:,} (×{feature / plain:.3f})"
        )


def _text(cell: object) -> str:
    """Write a cell of the table: numbers with their thousands apart, nothing where there is none."""
    return f"{cell:,}" if isinstance(cell, int) else str("" if cell is None else cell)


@takes(net=a_network, input_shape=a_shape_or_none)
def summary(net: Block, input_shape: Sequence[int] | None = None) -> Summary:
    """Describe each convolution of a network: kind, shapes, parameters, and the MACCs of both compositions.

    Parameters
    ----------
    net : Block
        Any network; it is not run and not changed.
    input_shape : sequence of int, optional
        (N, C, H, W). Without it MACCs are left out, since they depend on the size of the feature maps.

    Returns
    -------
    Summary
        A line for each convolution, MACCs per image. Print it.

    Raises
    ------
    DOConvError
        If an input shape is given and ``net`` cannot be traced.

    Examples
    --------
    >>> net = get_model("cifar_resnet20_v1", classes=10)
    >>> _ = doconv.over_parameterize(net)
    >>> summary = doconv.summary(net, (1, 3, 32, 32))
    >>> len(summary.doconv), len(summary.layers)
    (19, 21)
    >>> stem = summary.layers[0]
    >>> stem.parameters, stem.d_parameters, stem.maccs.plain
    (432, 243, 442368)
    """
    traced = _trace_sizes(net, input_shape) if input_shape else None
    owners: dict[int, str] = {}
    convolutions = [
        (convolution, owners.setdefault(id(convolution.weight), convolution.name))
        for convolution in find_convolutions(net)
    ]
    return Summary([_line(convolution, traced, owner) for convolution, owner in convolutions])


@dataclass(frozen=True)
class _Traced:
    """What a graph tells for one input shape: positions of each node's output maps, shapes of variables."""

    positions: Mapping[str, int]
    shapes: Mapping[str, tuple[int, ...]]


def _trace_sizes(net: Block, input_shape: Sequence[int]) -> _Traced:
    internals = trace(net).get_internals()
    parameters, variables = net.collect_params(), internals.list_inputs()
    known = {name: parameters[name].shape for name in variables if name in parameters}
    given = {name: tuple(shape) for name, shape in known.items() if shape and 0 not in shape}
    given.update({name: tuple(input_shape) for name in variables if name not in parameters})
    arguments, outputs, _ = internals.infer_shape_partial(**given)
    positions: Counter = Counter()
    for name, shape in zip(internals.list_outputs(), outputs):
        positions[name[: -len("_output")]] += prod(shape[2:])  # a layer used at several scales counts at each
    return _Traced(positions, dict(zip(internals.list_arguments(), arguments)))


def _line(convolution: Convolution, traced: _Traced | None, owner: str) -> LayerSummary:
    """Describe a convolution; shared parameters are counted at ``owner``, the first that has the weight."""
    owned = convolution.name == owner
    shape = convolution.weight.shape or ()
    if traced and 0 in (shape or (0,)):
        shape = traced.shapes.get(convolution.weight.name, shape)
    in_channels = shape[1] * convolution.groups if shape else 0
    return LayerSummary(
        name=convolution.name,
        kind="plain" if convolution.d is None else convolution.kind,
        channels=(in_channels, convolution.channels),
        kernel_size=convolution.kernel_size,
        groups=convolution.groups,
        d_mul=None if convolution.d is None else convolution.d_mul,
        parameters=prod(shape) if shape and owned else 0,
        d_parameters=0 if convolution.d is None or not owned else prod(convolution.d.shape[:-1]) * in_channels,
        maccs=_maccs(convolution, in_channels, traced),
        note=convolution.obstacle or ("" if owned else f"weight of {owner}"),
    )


def _maccs(convolution: Convolution, in_channels: int, traced: _Traced | None) -> Macc | None:
    """Count a plain layer too, as what it would cost as DO-Conv; None where that does not apply."""
    if traced is None or convolution.obstacle or not in_channels:
        return None
    d_mul = prod(convolution.kernel_size) if convolution.d is None else convolution.d_mul
    geometry = Geometry(convolution.channels, convolution.kernel_size, convolution.groups, d_mul)
    return macc(geometry, in_channels, traced.positions[convolution.node])
