"""Small parts of what scripts/check-trust tries."""

import warnings

import pytest
from verification.trust import faults, fuzz, kills
from verification.trust.writers import WRITERS

IN_A_FOLDER_OF_FILES = [writer for writer in WRITERS if not writer.name.startswith("data")]


def few(number):
    """Every so many of the writers, so that each has its turn in one of the tests."""
    return IN_A_FOLDER_OF_FILES[number::3]


@pytest.mark.parametrize("writer", few(0), ids=lambda writer: writer.name)
def test_killed_at_any_line(writer):
    _, tried, failed = kills.kill(writer, 12)
    assert tried >= 12 and not failed


@pytest.mark.parametrize("writer", few(1), ids=lambda writer: writer.name)
def test_refused_space_and_rights(writer):
    _, tried, failed = faults.refuse(writer, 8)
    assert tried >= 20 and not failed


def test_damaged_files():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        outcomes = list(fuzz.read_damaged(seed=1, first=0, last=504))
    assert len(outcomes) == 504 and not [outcome for outcome in outcomes if outcome.fault]
    assert 20 < sum(not outcome.refused for outcome in outcomes) < 200
