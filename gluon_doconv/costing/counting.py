"""Multiply-accumulates of a graph, counted operator by operator.

One multiply-accumulate (MACC) is one term of an inner product: two numbers are multiplied and the product is
added to a sum. That is the paper's measure (section 3), and it is what convolutions and matrix products consist
of. Adding a bias, normalising by given statistics, activating, pooling and moving numbers about form no inner
products and have none, by this definition: such operators are listed in
:data:`~gluon_doconv.costing.without_macc.WITHOUT_MACC`. An operator in neither table is not counted, and
is named; :func:`register_macc` adds one.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from math import prod
from typing import Any, Callable, Mapping, Sequence

import mxnet as mx

from ..core.arguments import a_function, instance_of, takes
from ..core.graph import CONVOLUTIONS, WEIGHT, Graph
from ..errors import DOConvError
from .without_macc import WITHOUT_MACC

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
    **dict.fromkeys(CONVOLUTIONS, _dense),
    "Deconvolution": _transposed,
    "FullyConnected": _dense,
    "UpSampling": _resized,
    "_linalg_gemm": _matrix_product,
    "_linalg_gemm2": _matrix_product,
    "batch_dot": _matrix_product,
    "dot": _dot,
}
WITH_KERNEL = (*CONVOLUTIONS, "Deconvolution", "FullyConnected")


@takes(operator=instance_of(str, "the name of an operator"), handler=a_function)
def register_macc(operator: str, handler: Handler) -> None:
    """Say how the multiply-accumulates of an operator are counted, for :func:`~gluon_doconv.costs`.

    Parameters
    ----------
    operator : its name in a graph; of a ``mx.operator.CustomOp`` its ``op_type``. A handler that it has already
        is replaced
    handler : is called with the attributes of a node (texts by name), the shapes of its inputs and the shape of
        its first output, and returns the number; 0 says that there are none, None that this one is not counted

    Examples
    --------
    >>> import gluon_doconv as doconv
    >>> doconv.register_macc("khatri_rao", lambda attributes, inputs, output: output[0] * output[1])
    """
    HANDLERS[operator] = handler


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
    """Count every operator of a graph, in the order in which they run.

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
    op, output = _name(node), shapes.get((index, 0), ())
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


def _name(node: Mapping[str, Any]) -> str:
    """Return the operator of a node; all of Python's are one operator to MXNet, which calls it Custom."""
    return node["attrs"]["op_type"] if node["op"] == "Custom" else node["op"]


def _shapes(symbol: mx.sym.Symbol, given: Mapping[str, Shape]) -> dict[tuple[int, int], Shape]:
    """Return the shape of every output, by its node's place in the graph and its own in the node.

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
