"""The format of a ``-symbol.json`` file, checked before MXNet reads it.

MXNet believes the numbers it finds there, overlooks a missing end, and follows circles.
"""

from __future__ import annotations

import json
from typing import Any

from ..schema import read_json

NODE: dict[Any, Any] = {
    "op": str,
    "name": str,
    "inputs": [[int]],
    "control_deps?": [int],
    ...: None,
    **{f"{name}?": {str: str} for name in ("attrs", "attr", "param")},  # as several versions call them
}
GRAPH: dict[Any, Any] = {"nodes": [NODE], "arg_nodes": [int], "heads": [[int]], ...: None}
NODE["subgraphs?"] = [GRAPH]
MOST_NODES = 20_000  # the largest networks have a few thousand; more would only take time


def check(text: str) -> None:
    """Check what MXNet does not.

    Raises
    ------
    ValueError
        If the text is no graph in which every node comes after those it reads.
    """
    _check_graph(read_json(text, GRAPH))


def check_outputs(written: str) -> None:
    """Check in what MXNet writes of a graph that only outputs are read which its nodes have.

    Raises
    ------
    ValueError
        If one is read that there is not.
    """
    graph = json.loads(written)
    first = graph["node_row_ptr"]  # the number of each node's first output among all
    for entry in [*graph["heads"], *(entry for node in graph["nodes"] for entry in node["inputs"])]:
        if entry[1] >= first[entry[0] + 1] - first[entry[0]]:
            name = graph["nodes"][entry[0]]["name"]
            raise ValueError(f"output {entry[1]} of {name[:80]} is read: there is none")


def _check_graph(graph: dict[str, Any]) -> None:
    nodes = graph["nodes"]
    if len(nodes) > MOST_NODES:
        raise ValueError(f"it has {len(nodes)} nodes")
    for place, node in enumerate(nodes):
        _check_entries(node["inputs"], place, node["name"])
        _check_numbers(node.get("control_deps", []), place, node["name"])
        for inner in node.get("subgraphs", []):
            _check_graph(inner)
    _check_entries(graph["heads"], len(nodes), "heads")
    _check_numbers(graph["arg_nodes"], len(nodes), "arg_nodes")
    if not graph["heads"]:
        raise ValueError("it has no heads")


def _check_entries(entries: list[list[int]], most: int, reader: str) -> None:
    if not all(2 <= len(entry) <= 3 and min(entry) >= 0 for entry in entries):
        raise ValueError(f"{reader[:80]} reads what is no output of a node")
    _check_numbers([entry[0] for entry in entries], most, reader)


def _check_numbers(numbers: list[int], most: int, reader: str) -> None:
    if not all(0 <= number < most for number in numbers):
        raise ValueError(f"{reader[:80]} reads a node that does not come before it")
