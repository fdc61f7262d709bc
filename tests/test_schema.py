"""What a value has to look like."""

from gluon_doconv.schema import positive, read_json, require

import pytest

SCHEMA = {
    "name": str,
    "sizes": [(int, None)],
    "more?": {str: float},
    "epochs?": positive,
    "open?": {"a": bool, ...: None},
}


@pytest.mark.parametrize(
    "value",
    [
        {"name": "a", "sizes": []},
        {"name": "a", "sizes": [1, None], "more": {"x": 1, "y": 0.5}, "epochs": 1},
        {"name": "a", "sizes": [], "open": {"a": True, "other": []}},
    ],
)
def test_what_is_as_the_schema_says(value):
    require(value, SCHEMA)


@pytest.mark.parametrize(
    "value, problem",
    [
        ([], "it is a list, not a dict"),
        ({"sizes": []}, "it has no name"),
        ({"name": "a", "sizes": [], "else": 1}, "it has an unknown 'else'"),
        ({"name": None, "sizes": []}, "name is null, not a str"),
        ({"name": "a", "sizes": [1, True]}, r"sizes\[1\] is True"),
        ({"name": "a", "sizes": [2**63]}, r"sizes\[0\] is 92"),
        ({"name": "a", "sizes": [], "more": {"x": "y"}}, "more.x is 'y', not a float"),
        ({"name": "a", "sizes": [], "epochs": 0}, "epochs is 0, not positive"),
        ({"name": "a", "sizes": [], "open": {"a": 1}}, "open.a is 1, not a bool"),
    ],
)
def test_what_is_not(value, problem):
    with pytest.raises(ValueError, match=problem):
        require(value, SCHEMA)


@pytest.mark.parametrize("text", ["[" * 100_000, "[" + "[]," * 2**22, "{", "9" * 5000, '"' + "x" * 5000])
def test_what_is_no_json(text):
    with pytest.raises(ValueError):
        read_json(text, [int])
