"""Sound bytes and values, damaged at random."""

from __future__ import annotations

import json
import math
import struct
from copy import deepcopy
from random import Random
from typing import Any

NUMBERS = (0, 1, 2, 7, 12, 127, 255, 2**15, 2**31 - 1, 2**32 - 1, 2**53, 2**63 - 1, 2**64 - 1)
DEEP = "a place for something deep"
VALUES: tuple[Any, ...] = (
    *(None, True, False, -1, 0, 1, 3, 2**31, 2**63, 10**400, 0.5, 1e308, math.nan, math.inf),
    *(
        "",
        "x",
        "../x",
        "a\0b",
        "é",
        "(0, 0)",
        "(-1, 3)",
        "[3, 3]",
        "0",
        "1000000000",
        "(300, 300)",
        "None",
        "9" * 5000,
        "Convolution",
        "null",
    ),
    *("0", "1000000000", "(300, 300)"),
    *([], {}, [[]], [0, 0, 0], [-1, 0, 0], [9, 9, 9], {"x": 1}, DEEP),
)


def noise(random: Random, length: int) -> bytes:
    """Make so many random bytes."""
    return bytes(random.randrange(256) for _ in range(length))


def damaged(random: Random, content: bytes) -> bytes:
    """Damage bytes in a few places, most of them near the beginning or the end, where formats keep numbers."""
    found = bytearray(content)
    for _ in range(random.choice((1, 1, 1, 2, 3, 8))):
        place = _place(random, len(found))
        kind = random.randrange(6)
        if kind == 0:
            del found[place:]
        elif kind == 1:
            found[place:place] = noise(random, random.choice((1, 4, 8, 100)))
        elif kind == 2:
            del found[place : place + random.choice((1, 4, 8))]
        elif kind == 3:
            found[place : place + 1] = noise(random, 1)
        else:
            layout = "<I" if kind == 4 else "<Q"
            number = random.choice(NUMBERS) % 2 ** (8 * struct.calcsize(layout))
            found[place : place + struct.calcsize(layout)] = struct.pack(layout, number)
    return bytes(found)


def _place(random: Random, length: int) -> int:
    near = random.randrange(200)
    return (
        min(length, random.choice((near, length - near, random.randrange(length + 1))))
        if length > 200
        else near
    )


def damaged_value(random: Random, value: Any) -> Any:
    """Damage a few parts of a value as JSON has them."""
    found = deepcopy(value)
    for _ in range(random.choice((1, 1, 1, 2, 4))):
        found = _with_damage(random, found)
    return found


def _with_damage(random: Random, value: Any) -> Any:
    inside = isinstance(value, (dict, list)) and value and random.random() < 0.9
    if not inside:
        return deepcopy(random.choice(VALUES))
    key = random.choice(list(value) if isinstance(value, dict) else range(len(value)))
    if random.random() < 0.15:
        del value[key]
    elif random.random() < 0.1 and isinstance(value, list):
        value.insert(key, deepcopy(random.choice(value)))
    else:
        value[key] = _with_damage(random, value[key])
    return value


def as_text(value: Any) -> str:
    """Write JSON, what is deep included."""
    return json.dumps(value).replace(json.dumps(DEEP), "[" * 50_000 + "]" * 50_000)
