"""Read a Python file as a syntax tree, and make sure that inserted lines leave the rest of it as it is."""

from __future__ import annotations

import ast
import warnings
from contextlib import contextmanager
from typing import Collection, Iterable, Iterator, Sequence

from ..errors import DOConvError
from .insertion import Insertion, insert, marked_lines


def parse(content: bytes) -> ast.Module:
    """Parse a file.

    Raises
    ------
    DOConvError
        If it is not Python 3 in UTF-8; the message says in which line.
    """
    try:
        content.decode()
        with _silence():
            tree = ast.parse(content)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise DOConvError(f"it is not Python 3 in UTF-8: {error}") from error
    if b"\r" in content.replace(b"\r\n", b""):
        raise DOConvError("its lines end in carriage returns alone")
    return tree


def require_same_program(content: bytes, insertions: Sequence[Insertion]) -> None:
    """Raise :class:`DOConvError` if inserting would change more of a file than the inserted lines say."""
    patched = insert(content, insertions)
    try:
        tree = parse(patched)
        with _silence():
            compile(tree, "patched", "exec", dont_inherit=True)
    except (DOConvError, SyntaxError) as error:  # such as an import that comes before one from __future__
        raise DOConvError(f"there is no place for a line in it: {error}") from error
    _Without(marked_lines(patched)).visit(tree)
    if ast.dump(tree) != ast.dump(parse(content)):
        raise DOConvError("there is no place for a line in it that leaves the rest as it is")


@contextmanager
def _silence() -> Iterator[None]:
    """Keep what Python thinks of somebody else's code to itself."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


class _Without(ast.NodeTransformer):
    """Takes the statements that begin in these lines out of a syntax tree."""

    def __init__(self, lines: Collection[int]) -> None:
        self._lines = lines

    def visit(self, node: ast.AST) -> ast.AST | None:
        if isinstance(node, ast.stmt) and node.lineno in self._lines:
            return None
        return self.generic_visit(node)


def first_line(statement: ast.stmt) -> int:
    """The line in which a statement begins, its decorators included."""
    decorators = getattr(statement, "decorator_list", [])
    return min([statement.lineno, *(decorator.lineno for decorator in decorators)])


def source(text: str, node: ast.AST) -> str:
    """What was written for ``node``, in one line."""
    return " ".join(line.strip() for line in (ast.get_source_segment(text, node) or "").splitlines())


def imported(statement: ast.AST) -> set[str]:
    """The packages that a statement, or what it holds, imports by absolute names."""
    names: set[str] = set()
    for node in ast.walk(statement):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names.add(node.module or "")
    return {name.split(".")[0] for name in names}


def first_with(tree: ast.Module, nodes: Iterable[ast.AST]) -> int:
    """The first line of the first top-level statement that holds one of ``nodes``."""
    wanted = set(map(id, nodes))
    return min(first_line(top) for top in tree.body if any(id(inner) in wanted for inner in ast.walk(top)))
