"""Multiply-accumulates of a graph, counted operator by operator.

One multiply-accumulate (MACC) is one term of an inner product: two numbers are multiplied and the product is
added to a sum. That is the paper's measure (section 3), and it is what convolutions and matrix products consist
of. Adding a bias, normalising by given statistics, activating, pooling and moving numbers about form no inner
products and have none, by this definition: such operators are listed in :data:`WITHOUT_MACC`. An operator that
is in neither table is not counted, and is named.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from math import prod
from typing import Any, Callable, Mapping, Sequence

import mxnet as mx

from ..core.graph import WEIGHT, Graph
from ..errors import DOConvError

Shape = Sequence[int]
Handler = Callable[[Mapping[str, str], Sequence[Shape], Shape], "int | None"]


def _dense(_: Mapping[str, str], inputs: Sequence[Shape], output: Shape) -> int:
    """Every output is an inner product with one row of the weight."""
    return prod(output) * prod(inputs[WEIGHT][1:])


def _transposed(_: Mapping[str, str], inputs: Sequence[Shape], output: Shape) -> int:
    """Every input is multiplied into all the outputs it reaches."""
    return prod(inputs[0]) * prod(inputs[WEIGHT][1:])


def _matrix_product(attributes: Mapping[str, str], inputs: Sequence[Shape], output: Shape) -> int:
    """Every output is an inner product along the columns of the left matrix, or its rows if transposed."""
    rows = int(attributes.get("axis", -2))
    return prod(output) * inputs[0][rows if _is_true(attributes, "transpose_a") else -1]


def _dot(attributes: Mapping[str, str], inputs: Sequence[Shape], output: Shape) -> int:
    """``dot`` of more than two axes sums along the left one's last axis, or its first."""
    return prod(output) * inputs[0][0 if _is_true(attributes, "transpose_a") else -1]


def _resized(attributes: Mapping[str, str], _: Sequence[Shape], __: Shape) -> int | None:
    """Repeating the nearest neighbour multiplies nothing; weighing several is not counted."""
    return 0 if attributes.get("sample_type") == "nearest" else None


HANDLERS: dict[str, Handler] = {
    "Convolution": _dense,
    "Deconvolution": _transposed,
    "FullyConnected": _dense,
    "UpSampling": _resized,
    "_linalg_gemm": _matrix_product,
    "_linalg_gemm2": _matrix_product,
    "batch_dot": _matrix_product,
    "dot": _dot,
}
WITH_KERNEL = ("Convolution", "Deconvolution", "FullyConnected")


# Elementwise, or moving numbers about, summing, choosing, comparing them; normalising by given statistics.
WITHOUT_MACC = frozenset(
    """
    Activation BatchNorm BlockGrad Cast Concat Crop Dropout Flatten LeakyReLU Pad Pooling Reshape SliceChannel
    SoftmaxOutput SwapAxis
    _arange _eye _ones _zeros _full _copy _identity_with_attr_like_rhs
    _contrib_AdaptiveAvgPooling2D _contrib_SyncBatchNorm _contrib_box_decode _contrib_arange_like
    _div_scalar _equal_scalar _greater_scalar _greater_equal_scalar _hypot_scalar _lesser_scalar
    _lesser_equal_scalar _maximum_scalar _minimum_scalar _minus_scalar _mod_scalar _mul_scalar _not_equal_scalar
    _plus_scalar _power_scalar _rdiv_scalar _rminus_scalar
    abs add_n amp_cast amp_multicast argmax argmin argsort broadcast_add broadcast_axis broadcast_div
    broadcast_equal broadcast_greater broadcast_lesser broadcast_like broadcast_logical_and broadcast_maximum
    broadcast_minimum broadcast_mod broadcast_mul broadcast_power broadcast_sub broadcast_to ceil clip cos diag
    elemwise_add elemwise_div elemwise_mul elemwise_sub erf exp expand_dims floor gather_nd hard_sigmoid log
    log2 log_softmax logical_not max max_axis mean min negative one_hot ones_like pick reciprocal relu repeat
    reshape_like reverse round rsqrt shape_array sigmoid sign sin size_array slice slice_axis slice_like
    softmax softsign sort sqrt square squeeze stack sum sum_axis take tanh tile topk transpose where zeros_like
    """.split()  # noqa: SIM905
)


@dataclass(frozen=True)
class Operation:
    """One node of a graph. ``maccs`` is None where it cannot be counted.

    ``variables`` are the parameters its kernel is computed from; of a matrix product, both matrices.
    """

    node: str
    op: str
    maccs: int | None
    variables: frozenset[str]
    output: tuple[int, ...]


def count(symbol: mx.sym.Symbol, **input_shapes: Shape) -> list[Operation]:
    """Every operator of a graph with its MACCs, in the order in which they run.

    Parameters
    ----------
    symbol : the graph
    input_shapes : the shapes of its inputs, and of parameters whose shapes it does not know

    Raises
    ------
    DOConvError
        If the shapes do not fit, or an operator that is counted has a shape that stays unknown.
    """
    graph, shapes = Graph(symbol), _shapes(symbol, input_shapes)
    return [
        _operation(index, node, graph, shapes) for index, node in enumerate(graph.nodes) if node["op"] != "null"
    ]


def _operation(
    index: int, node: dict[str, Any], graph: Graph, shapes: Mapping[tuple[int, int], Shape]
) -> Operation:
    op, output = node["op"], shapes.get((index, 0), ())
    inputs = [shapes.get((source, output_of), ()) for source, output_of, _ in node["inputs"]]
    behind = [source for source, *_ in node["inputs"]]
    if op in WITH_KERNEL:
        behind = behind[WEIGHT : WEIGHT + 1]
    if op not in HANDLERS:
        return Operation(node["name"], op, 0 if op in WITHOUT_MACC else None, frozenset(), tuple(output))
    if any(0 in shape or not shape for shape in (*inputs[:2], output)):
        raise DOConvError(f"{node['name']} ({op}) cannot be counted: its shapes are not known ({inputs})")
    return Operation(
        node["name"],
        op,
        HANDLERS[op](node.get("attrs", {}), inputs, output),
        frozenset().union(*(graph.variables_behind(source) for source in behind)),
        tuple(output),
    )


def _shapes(symbol: mx.sym.Symbol, given: Mapping[str, Shape]) -> dict[tuple[int, int], Shape]:
    """The shape of every output of every node, by the node's place in the graph and the output's in the node.

    Names do not tell: a layer that is used twice has two nodes of one name.
    """
    graph = json.loads(symbol.tojson())
    for place, node in enumerate(graph["nodes"]):
        if node["op"] != "null":
            node["name"] = f"{place}:{node['name']}"
    internals = mx.sym.load_json(json.dumps(graph)).get_internals()
    used = {name: tuple(shape) for name, shape in given.items() if name in internals.list_inputs()}
    try:
        arguments, outputs, auxiliary = internals.infer_shape_partial(**used)
    except mx.MXNetError as error:
        raise DOConvError(f"the graph does not fit inputs of {dict(given)}: {error}") from error
    variables = dict(zip(internals.list_arguments(), arguments))
    variables.update(zip(internals.list_auxiliary_states(), auxiliary))
    shapes = {
        (place, 0): variables.get(node["name"], ())
        for place, node in enumerate(graph["nodes"])
        if node["op"] == "null"
    }
    seen: dict[int, int] = {}
    for name, shape in zip(internals.list_outputs(), outputs):
        if name not in variables:
            place = int(name.split(":", 1)[0])
            shapes[place, seen.setdefault(place, 0)] = shape
            seen[place] += 1
    return shapes


def _is_true(attributes: Mapping[str, str], name: str) -> bool:
    return attributes.get(name, "False") in ("True", "1")
