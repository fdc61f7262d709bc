"""Compare what became of the tests stock with what became of them under the patch."""

from __future__ import annotations

import platform
from collections import Counter
from dataclasses import dataclass
from typing import Sequence

import mxnet as mx

from ..pages import markdown
from .records import Record

BOTH, WORSE, BETTER, NEITHER, SKIPPED = "both", "worse", "better", "neither", "skipped"
VERDICTS = {(True, True): BOTH, (True, False): WORSE, (False, True): BETTER, (False, False): NEITHER}
COLUMNS = ("pass stock", "pass under the patch", "fail only under the patch", "pass only under the patch")


@dataclass(frozen=True)
class Compared:
    """One test, stock and under the patch."""

    stock: Record
    doconv: Record

    @property
    def verdict(self) -> str:
        """In which of the two it passes."""
        if self.stock.outcome == self.doconv.outcome == "skipped":
            return SKIPPED
        return VERDICTS[self.stock.outcome == "passed", self.doconv.outcome == "passed"]


@dataclass(frozen=True)
class Comparison:
    """All tests of a version of GluonCV."""

    version: str
    tests: Sequence[Compared]

    @property
    def worse(self) -> list[Compared]:
        """Tests that pass stock and fail under the patch."""
        return [test for test in self.tests if test.verdict == WORSE]


def compare(version: str, stock: Sequence[Record], doconv: Sequence[Record]) -> Comparison:
    """Pair the results; what was reached in one of the two only, failed in the other."""
    one, other = ({record.test: record for record in records} for records in (stock, doconv))
    missing = {name: Record(name, "failed", why="not run") for name in {**one, **other}}
    one, other = {**missing, **one}, {**missing, **other}
    return Comparison(version, [Compared(one[name], other[name]) for name in sorted(missing)])


def report(comparisons: Sequence[Comparison]) -> str:
    """Return the result as Markdown."""
    versions = f"Python {platform.python_version()}, MXNet {mx.__version__}."
    parts = [f"{versions} **{conclusion(comparisons)}**"]
    for comparison in comparisons:
        parts += [f"## GluonCV {comparison.version}", _by_file(comparison), _not_passing(comparison)]
    return "\n\n".join(filter(None, parts))


def conclusion(comparisons: Sequence[Comparison]) -> str:
    """Return one sentence."""
    n = Counter(test.verdict for comparison in comparisons for test in comparison.tests)
    return (
        f"Of {n[BOTH] + n[WORSE]} tests that pass stock, {n[BOTH]} pass under the patch, {n[WORSE]} fail; "
        f"{n[BETTER]} more pass only under the patch, {n[NEITHER]} pass in neither."
    )


def _by_file(comparison: Comparison) -> str:
    counts: dict[str, Counter[str]] = {}
    for test in comparison.tests:
        counts.setdefault(test.stock.test.split("::")[0], Counter())[test.verdict] += 1
    rows = [
        (file, n[BOTH] + n[WORSE], n[BOTH] + n[BETTER], n[WORSE], n[BETTER], n[NEITHER], n[SKIPPED])
        for file, n in counts.items()
    ]
    return markdown(rows, ["file", *COLUMNS, "pass in neither", "skipped"])


def _not_passing(comparison: Comparison) -> str:
    tests = [test for test in comparison.tests if test.verdict not in (BOTH, SKIPPED)]
    rows = [(test.stock.test.replace("::", " "), _cell(test.stock), _cell(test.doconv)) for test in tests]
    return markdown(rows, ["test", "stock", "under the patch"]) if rows else ""


def _cell(record: Record) -> str:
    return f"{record.outcome}: {record.why}".rstrip(": ")[:90]
