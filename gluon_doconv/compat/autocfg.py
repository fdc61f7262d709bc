"""What keeps ``gluoncv.auto.estimators`` from running; applied when it is imported."""

from __future__ import annotations

from typing import Any

from ..monkeypatch import Undo, when_imported


def autocfg_types() -> Undo:
    """autocfg, in which estimators keep their options, knows ``typing`` as it was in Python 3.9.

    Since then ``Union[X, None]`` calls itself Optional, and ``Any`` is a class without ``_name``.
    """
    return when_imported("autocfg.type_check", _teach_types)


def _teach_types(type_check: Any) -> Undo:
    checkers, get_name = type_check._SPECIAL_INSTANCE_CHECKERS, type_check._get_name
    known = dict(checkers)

    def name(cls: object) -> str | None:
        return getattr(cls, "_name", None) or getattr(cls, "__name__", None)

    checkers.setdefault("Optional", checkers["Union"])
    type_check._get_name = name

    def undo() -> None:
        type_check._get_name = get_name
        checkers.clear()
        checkers.update(known)

    return undo
