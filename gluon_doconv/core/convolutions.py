"""Every convolution of a live network, wherever it is: a layer, or a node in the graph of a SymbolBlock."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import replace
from functools import cached_property
from typing import Iterator

import mxnet as mx
from mxnet.gluon import Block, SymbolBlock
from mxnet.gluon.nn.conv_layers import _Conv
from mxnet.gluon.parameter import Parameter

from ..errors import DOConvError
from . import kernel, layers, names
from .config import DOConvConfig
from .graph import BlockGraph, ConvolutionNode
from .parameters import (
    create_d,
    fit_weight,
    fold_parameters,
    learn_shape,
    list_after,
    refuse_small_d_mul,
    remove_d,
)
from .selecting import select_with_weight


class Convolution(ABC):
    """One convolution, which can be over-parameterized and folded where it stands.

    Attributes
    ----------
    name : structural name, such as ``features.2.0.body.0``, the one parameter files use
    prefix : the layer's own name, such as ``cifarresnetv10_stage1_conv0``
    node : name of the convolution's node in a graph
    weight, d : its Parameters; ``d`` is None while it is plain
    channels, kernel_size, groups : as in ``nn.Conv2D``
    block : the layer, or the SymbolBlock that it is a node of
    graph : the graph of that SymbolBlock, which has to be put back when it was changed; None for a layer
    """

    name: str
    prefix: str
    node: str
    block: Block
    weight: Parameter
    channels: int
    kernel_size: tuple[int, ...]
    groups: int
    graph: BlockGraph | None = None

    @property
    @abstractmethod
    def d(self) -> Parameter | None:
        """The Parameter D, or None."""

    @property
    @abstractmethod
    def obstacle(self) -> str | None:
        """Why DO-Conv does not apply here; None if it does."""

    @abstractmethod
    def check(self, config: DOConvConfig) -> None:
        """Raise :class:`DOConvError` if ``config`` cannot be carried out here; change nothing."""

    @abstractmethod
    def over_parameterize(self, config: DOConvConfig) -> None:
        """Give the convolution its D."""

    @abstractmethod
    def fold(self, folded: mx.nd.NDArray | None) -> None:
        """Make the convolution plain, with ``folded`` (from :meth:`folded_kernel`) as its kernel."""

    def folded_kernel(self) -> mx.nd.NDArray | None:
        """W', or None where there are no values to fold yet."""
        return fold_parameters(self.weight, self.d, self.kernel_size)

    @property
    def d_mul(self) -> int:
        """The depth multiplier of a DO-Conv convolution."""
        assert self.d is not None
        d_mul: int = self.d.shape[-2]
        return d_mul

    @property
    def in_channels(self) -> int:
        """C_in; 0 while it is unknown."""
        return max(0, self.weight.shape[1]) * self.groups if self.weight.shape else 0

    @property
    def kind(self) -> str:
        """DO-Conv, DO-DConv or DO-GConv (section 3), by the number of groups."""
        return kernel.kind(self.groups, self.in_channels or self.channels)


class LayerConvolution(Convolution):
    """A convolution that is a Gluon layer."""

    def __init__(self, name: str, layer: _Conv) -> None:
        self.block = layer
        self.name, self.prefix, self.node = name, layer.name, f"{layer.name}_fwd"
        self.weight = layer.weight
        self.channels, self.groups = layer._channels, layer._kwargs["num_group"]
        self.kernel_size = tuple(layer._kwargs["kernel"])

    @property
    def d(self) -> Parameter | None:
        return getattr(self.block, "D", None)

    @property
    def obstacle(self) -> str | None:
        return layers.obstacle(self.block)

    def check(self, config: DOConvConfig) -> None:
        layers.check_convertible(self.block, config)

    def over_parameterize(self, config: DOConvConfig) -> None:
        layers.over_parameterize_layer(self.block, config)

    def fold(self, folded: mx.nd.NDArray | None) -> None:
        layers.fold_layer(self.block, folded)


class GraphConvolution(Convolution):
    """A convolution inside a SymbolBlock, such as the backbone of a detection model."""

    graph: BlockGraph

    def __init__(self, path: str, block: SymbolBlock, graph: BlockGraph, convolution: ConvolutionNode) -> None:
        self.block, self.graph, self._node = block, graph, convolution
        self.prefix = names.layer_of(convolution.weight)
        self.node, self.weight = convolution.node, learn_shape(block.params[convolution.weight])
        name = names.layer_of(self._structural_weight()) or self.prefix
        self.name = f"{path}.{name}" if path else name
        self.channels, self.groups = convolution.channels, convolution.groups
        self.kernel_size = convolution.kernel_size

    @property
    def d(self) -> Parameter | None:
        return None if self._node.d is None else self.block.params[self._node.d]

    @cached_property
    def obstacle(self) -> str | None:
        return self.graph.obstacle(self._node)

    def check(self, config: DOConvConfig) -> None:
        if self._node.layout not in (None, *layers.LAYOUTS):
            raise DOConvError(f"{self.name}: layout {self._node.layout!r} is not supported")
        if config.composition == "feature":
            raise DOConvError(f"{self.name}: inside a SymbolBlock only composition='kernel' is possible")
        refuse_small_d_mul(self.weight, self.kernel_size, config)

    def over_parameterize(self, config: DOConvConfig) -> None:
        geometry = self._node.geometry(config.d_mul)
        fit_weight(self.weight, geometry)
        d = create_d(self.block.params, self.weight, geometry, config)
        self.graph.over_parameterize(self._node, d.var(), geometry)
        list_after(self.block._reg_params, self._structural_weight(), self._structural_name(d), d)
        select_with_weight(self.block)
        self._node = replace(self._node, d=d.name)

    def fold(self, folded: mx.nd.NDArray | None) -> None:
        self.graph.fold(self._node)
        d = self.d
        self.block._reg_params.pop(self._structural_name(d))
        remove_d(self.block.params, d, self.weight, folded)
        select_with_weight(self.block)

    def _structural_name(self, d: Parameter) -> str:
        """A SymbolBlock leaves out of structural names what the names of all its Parameters begin with."""
        name: str = d.name
        return name[len(self.weight.name) - len(self._structural_weight()) :] or name

    def _structural_weight(self) -> str:
        parameters: dict[str, Parameter] = self.block._reg_params
        return next(name for name, parameter in parameters.items() if parameter is self.weight)


def find_convolutions(net: Block) -> list[Convolution]:
    """Every convolution of ``net``, each once, in the order of its structure."""
    seen: set[int] = set()
    return list(_walk(net, "", seen))


def _walk(block: Block, path: str, seen: set[int]) -> Iterator[Convolution]:
    if id(block) in seen:
        return
    seen.add(id(block))
    if isinstance(block, _Conv):
        yield LayerConvolution(path or block.name, block)
    elif isinstance(block, SymbolBlock):
        yield from _graph_convolutions(block, path)
    for name, child in block._children.items():
        yield from _walk(child, f"{path}.{name}" if path else name, seen)


def _graph_convolutions(block: SymbolBlock, path: str) -> Iterator[Convolution]:
    graph, weights = BlockGraph(block), set()
    for convolution in graph.convolutions():
        if convolution.weight not in weights:
            weights.add(convolution.weight)
            yield GraphConvolution(path, block, graph, convolution)
