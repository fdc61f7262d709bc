"""What a value read from a file has to look like, said by a value of the same form.

A schema is a type, None, a function that tells whether a value will do, a tuple of alternatives, ``[schema]``
for a list of any length, ``{str: schema}`` for a mapping with any names, or a mapping of names to schemas, of
which those that end in ``?`` may be missing; with ``...`` among them there may be others.
"""

from __future__ import annotations

import json
from typing import Any

LARGEST = 2**63  # of whole numbers: what array libraries take
LONGEST = 1 << 23  # of JSON, in characters; of brackets alone, Python takes a second and hundreds of megabytes


def read_json(text: str, schema: Any) -> Any:
    """Read JSON that has to follow a schema.

    Raises
    ------
    ValueError
        If it does not, saying where.
    """
    if len(text) > LONGEST:
        raise ValueError(f"it has {len(text):,} characters, and {LONGEST:,} are the most")
    try:
        value = json.loads(text)
        require(value, schema)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    return value


def require(value: Any, schema: Any, where: str = "it") -> None:
    """Raise :class:`ValueError`, which says what is wrong where, if ``value`` is not as the schema says."""
    if isinstance(schema, tuple):
        _require_one_of(value, schema, where)
    elif isinstance(schema, list):
        _require_type(value, list, where)
        for place, item in enumerate(value):
            require(item, schema[0], f"{where}[{place}]")
    elif isinstance(schema, dict):
        _require_type(value, dict, where)
        _require_fields(value, schema, where)
    elif isinstance(schema, type):
        _require_type(value, schema, where)
    elif not (value is None if schema is None else schema(value)):
        raise ValueError(f"{where} is {_shown(value)}, not {getattr(schema, '__name__', 'null')}")


def positive(value: Any) -> bool:
    """Tell whether a value is a whole number of at least 1."""
    return _is(value, int) and value > 0


def _require_one_of(value: Any, schemas: tuple[Any, ...], where: str) -> None:
    problems = []
    for schema in schemas:
        try:
            return require(value, schema, where)
        except ValueError as problem:
            problems.append(str(problem))
    raise ValueError(problems[-1])


def _require_fields(value: dict[Any, Any], schema: dict[Any, Any], where: str) -> None:
    if str in schema:
        for name, item in value.items():
            require(item, schema[str], f"{where}.{name}"[:80])
        return
    fields = {name.rstrip("?"): name for name in schema if name is not ...}
    unknown = [] if ... in schema else [key for key in value if key not in fields]
    if unknown:
        raise ValueError(f"{where} has an unknown {unknown[0][:40]!r}")
    for key, name in fields.items():
        item = schema[name]
        if key in value:
            require(value[key], item, key if where == "it" else f"{where}.{key}")
        elif key == name:
            raise ValueError(f"{where} has no {key}")


def _require_type(value: Any, kind: type, where: str) -> None:
    if not _is(value, kind):
        raise ValueError(f"{where} is {_shown(value)}, not a {kind.__name__}")


def _is(value: Any, kind: type) -> bool:
    if isinstance(value, bool) or kind is bool:
        return isinstance(value, bool) and kind is bool
    if isinstance(value, int) and kind in (int, float):
        return abs(value) < LARGEST
    return isinstance(value, kind)


def _shown(value: Any) -> str:
    if isinstance(value, (dict, list)):
        return f"a {type(value).__name__}"
    return "null" if value is None else repr(value)[:40]
