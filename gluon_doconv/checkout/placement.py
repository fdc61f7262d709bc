"""Where DO-Conv goes into a script and into GluonCV's ``__init__.py``, read from the syntax tree.

A script is given an import before MXNet's, a line before its ``parse_args()`` and one after; GluonCV itself
four lines before its first import and one at its end.
"""

from __future__ import annotations

import ast
import re
from typing import Iterator

from ..errors import DOConvError
from .insertion import Insertion
from .syntax import first_line, first_with, imported, parse, require_same_program, source

PARSING = ("parse_args", "parse_known_args")
IMPORT = "import gluon_doconv"
IMPORT_IF_INSTALLED = ("try:", "    import gluon_doconv", "except ImportError:", "    gluon_doconv = None")
PATCH_FROM_ENVIRONMENT = "if gluon_doconv: gluon_doconv.patch_from_environment()"


def of_script(content: bytes) -> list[Insertion]:
    """Place the lines for a script: its options then include ``--doconv``, which patches GluonCV.

    Raises
    ------
    DOConvError
        If ``content`` is no Python, or if there is no place for a line: it says why, and in which line.
    """
    tree, text = parse(content), content.decode()
    calls = list(_parsing_calls(tree))
    if not calls:
        raise DOConvError("it does not call parse_args()")
    around = [insertion for statement, call in calls for insertion in _around(statement, call, text)]
    frameworks = [first_line(top) for top in tree.body if imported(top) & {"mxnet", "gluoncv"}]
    before = min([*frameworks[:1], first_with(tree, (call for _, call in calls))])
    insertions = [Insertion(before - 1, (IMPORT,)), *around]
    require_same_program(content, insertions)
    return insertions


def of_package(content: bytes) -> list[Insertion]:
    """Place the lines for ``gluoncv/__init__.py``: ``GLUON_DOCONV=1`` in the environment then patches GluonCV.

    Raises
    ------
    DOConvError
        If ``content`` is no Python, or imports nothing.
    """
    imports = [top for top in parse(content).body if _imports_at_run_time(top)]
    if not imports:
        raise DOConvError("it imports nothing")
    lines = content.count(b"\n") + (not content.endswith(b"\n"))
    insertions = [
        Insertion(first_line(imports[0]) - 1, IMPORT_IF_INSTALLED),
        Insertion(lines, (PATCH_FROM_ENVIRONMENT,)),
    ]
    require_same_program(content, insertions)
    return insertions


def _parsing_calls(tree: ast.Module) -> Iterator[tuple[ast.stmt, ast.Call]]:
    """Every call of ``parse_args``, with the innermost statement that it is in."""
    waiting: list[tuple[ast.AST, ast.stmt | None]] = [(tree, None)]
    while waiting:
        node, statement = waiting.pop()
        statement = node if isinstance(node, ast.stmt) else statement
        if statement and isinstance(node, ast.Call) and getattr(node.func, "attr", None) in PARSING:
            yield statement, node
        waiting += [(child, statement) for child in ast.iter_child_nodes(node)]


def _around(statement: ast.stmt, call: ast.Call, text: str) -> list[Insertion]:
    """The line before a statement that parses, which adds options, and the line that patches as they say."""
    assert isinstance(call.func, ast.Attribute)
    indentation = _indentation(statement, text)
    add = f"{indentation}gluon_doconv.add_options({source(text, call.func.value)})"
    target = _target(statement, call)
    parsed = source(text, target or call) + ("" if target or call.func.attr == "parse_args" else "[0]")
    patch = f"{indentation}gluon_doconv.patch_from_options({parsed})"
    if target is None:  # it is returned or passed on where nothing can follow: parse once more, before
        return [Insertion(statement.lineno - 1, (add, patch))]
    assert statement.end_lineno is not None
    return [Insertion(statement.lineno - 1, (add,)), Insertion(statement.end_lineno, (patch,))]


def _target(statement: ast.stmt, call: ast.Call) -> ast.expr | None:
    """What the parsed options are assigned to; None if they are used otherwise."""
    if not isinstance(statement, ast.Assign) or statement.value is not call:
        return None
    target = statement.targets[0]
    if not isinstance(target, ast.Tuple):
        return target
    if getattr(call.func, "attr", None) == "parse_args":
        raise DOConvError(f"line {statement.lineno}: its parser is not one of argparse")
    return target.elts[0]


def _indentation(statement: ast.stmt, text: str) -> str:
    """What stands before a statement, which has to have its lines to itself."""
    lines = text.encode().split(b"\n")
    assert statement.end_lineno is not None and statement.end_col_offset is not None
    before = lines[statement.lineno - 1][: statement.col_offset].decode()
    after = lines[statement.end_lineno - 1][statement.end_col_offset :].decode()
    if before.strip() or not re.fullmatch(r"\s*(#.*)?", after):
        raise DOConvError(f"line {statement.lineno}: parse_args() shares its line with another statement")
    return before


def _imports_at_run_time(statement: ast.stmt) -> bool:
    if isinstance(statement, ast.ImportFrom) and statement.module == "__future__":
        return False
    return any(isinstance(node, (ast.Import, ast.ImportFrom)) for node in ast.walk(statement))
