"""Compare what became of the tests stock with what became of them under the patch."""

from __future__ import annotations

import platform
from collections import Counter
from dataclasses import dataclass
from typing import Sequence

import mxnet as mx

from ..tables import markdown
from .records import Record

# Tests that check what DO-Conv has to change, with the reason: they may fail under the patch.
EXPECTED: dict[str, str] = {}

BOTH, WORSE, BETTER, NEITHER, SKIPPED = "both", "worse", "better", "neither", "skipped"


@dataclass(frozen=True)
class Compared:
    """One test, stock and under the patch."""

    stock: Record
    doconv: Record

    @property
    def verdict(self) -> str:
        """In which of the two it passes."""
        passed = (self.stock.outcome == "passed", self.doconv.outcome == "passed")
        if self.stock.outcome == self.doconv.outcome == "skipped":
            return SKIPPED
        return {(True, True): BOTH, (True, False): WORSE, (False, True): BETTER, (False, False): NEITHER}[
            passed
        ]

    @property
    def file(self) -> str:
        """The file it is in."""
        return self.stock.test.split("::")[0]


@dataclass(frozen=True)
class Comparison:
    """All tests of a version of GluonCV."""

    version: str
    tests: Sequence[Compared]

    @property
    def worse(self) -> list[Compared]:
        """Tests that pass stock and fail under the patch for no reason that is known and good."""
        return [test for test in self.tests if test.verdict == WORSE and test.stock.test not in EXPECTED]


def compare(version: str, stock: Sequence[Record], doconv: Sequence[Record]) -> Comparison:
    """Pair the results; what was reached in one of the two only, failed in the other."""
    one, other = ({record.test: record for record in records} for records in (stock, doconv))
    missing = {name: Record(name, "failed", why="not run") for name in {**one, **other}}
    one, other = {**missing, **one}, {**missing, **other}
    return Comparison(version, [Compared(one[name], other[name]) for name in sorted(missing)])


HEADING = """# GluonCV's own tests

`scripts/check-upstream-tests` runs the MXNet tests of a checkout of GluonCV twice, each time with that
checkout's own `gluoncv`: stock, and under `gluon_doconv.patch()` and its workarounds, where every network that
GluonCV builds has DO-Conv. Nothing is downloaded: data sets are not there, and where GluonCV would fetch
pretrained parameters, random ones are made, the same for both. Every test that passes stock has to pass under
the patch. One that takes too long stock is not run under the patch: it passes in neither. Tests that were never
begun are not counted.
"""


def report(comparisons: Sequence[Comparison]) -> str:
    """The result as Markdown."""
    parts = [
        HEADING,
        f"Python {platform.python_version()}, MXNet {mx.__version__}. **{conclusion(comparisons)}**",
    ]
    for comparison in comparisons:
        parts += [f"\n## GluonCV {comparison.version}\n", _by_file(comparison), *_failing(comparison)]
    return "\n".join(parts)


def conclusion(comparisons: Sequence[Comparison]) -> str:
    """One sentence."""
    verdicts = Counter(test.verdict for comparison in comparisons for test in comparison.tests)
    worse = sum(len(comparison.worse) for comparison in comparisons)
    passed = verdicts[BOTH] + verdicts[WORSE]
    return (
        f"Of {passed} tests that pass stock, {verdicts[BOTH]} pass under the patch, {worse} fail; "
        f"{verdicts[BETTER]} more pass only under the patch, {verdicts[NEITHER]} pass in neither."
    )


def _by_file(comparison: Comparison) -> str:
    counts: dict[str, Counter[str]] = {}
    for test in comparison.tests:
        counts.setdefault(test.file, Counter())[test.verdict] += 1
    rows = [
        (file, n[BOTH] + n[WORSE], n[BOTH] + n[BETTER], n[WORSE], n[BETTER], n[NEITHER], n[SKIPPED])
        for file, n in counts.items()
    ]
    headers = ["file", "pass stock", "pass under the patch", "fail only under the patch"]
    return markdown(rows, [*headers, "pass only under the patch", "pass in neither", "skipped"])


def _failing(comparison: Comparison) -> list[str]:
    failing = [test for test in comparison.tests if test.verdict not in (BOTH, SKIPPED)]
    rows = [
        (test.stock.test.replace("::", " "), _in_short(test.stock), _in_short(test.doconv)) for test in failing
    ]
    known = [
        f"- {test.stock.test}: {EXPECTED[test.stock.test]}" for test in failing if test.stock.test in EXPECTED
    ]
    parts = [f"\n{markdown(rows, ['test', 'stock', 'under the patch'])}"] if rows else []
    return [*parts, "\nOf those, these check what DO-Conv has to change:\n", *known] if known else parts


def _in_short(record: Record) -> str:
    return f"{record.outcome}: {record.why}".rstrip(": ")[:90]
