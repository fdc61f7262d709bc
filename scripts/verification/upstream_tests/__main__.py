"""Run GluonCV's own tests stock and under the patch, and compare them test by test.

CHECKOUTS are folders with GluonCV's repository. Its own ``gluoncv`` is the one that is tested.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Sequence

from gluon_doconv.errors import DOConvError

import click
from tqdm import tqdm

from .. import processes
from ..checkouts import version
from ..pages import write_results
from .records import Record, Results
from .report import Comparison, compare, conclusion, report

PATTERNS = ("tests/unittests/test_*.py", "tests/model_zoo/test_*.py", "tests/auto/test_auto_*.py")
PYTEST = ("-p", "verification.upstream_tests.plugin", "-p", "no:cacheprovider", "-c", os.devnull)


def test_files(checkout: Path, only: str) -> list[Path]:
    """List the MXNet tests of a checkout."""
    return [path for pattern in PATTERNS for path in sorted(checkout.glob(pattern)) if only in path.name]


def run(checkout: Path, work: Path, only: str, seconds: float) -> Comparison:
    """Run the tests of a checkout twice, but those that ``work`` knows, and compare."""
    work.mkdir(parents=True, exist_ok=True)
    stock, doconv = work / "stock.jsonl", work / "doconv.jsonl"
    for file in tqdm(test_files(checkout, only), desc=checkout.name):
        _run_file(file, checkout, work, ["--records", stock, "--seconds", seconds])
        _run_file(file, checkout, work, ["--records", doconv, "--seconds", seconds, "--stock", stock])
    return compare(version(checkout), Results(stock).ended(), Results(doconv).ended())


def _run_file(file: Path, checkout: Path, work: Path, options: Sequence[Any]) -> None:
    """Go on, in a new process, as long as one ends before its last test, but has begun another one."""
    records, lines, log = Results(options[1]), -1, work / "pytest.log"
    command = [sys.executable, "-m", "pytest", *PYTEST, "--rootdir", checkout, *options, file]
    while len(records) > lines:
        lines = len(records)
        try:
            with TemporaryDirectory(dir=work) as cwd:
                return processes.run(command, log, folder=Path(cwd), environment=_environment(checkout, work))
        except processes.ProcessError as error:
            code = error.code
        for test in records.interrupted():
            records.add(Record(test, "failed", why=f"its process ended with {code}"))
    raise DOConvError(f"{file}: pytest ended with {code}; see {log}")


def _environment(checkout: Path, work: Path) -> dict[str, str]:
    home = work / "home"
    mxnet_home = home / ".mxnet"
    mxnet_home.mkdir(parents=True, exist_ok=True)
    variables = {"HOME": str(home), "MXNET_HOME": str(mxnet_home)}
    return processes.environment_with(checkout, PYTHONDONTWRITEBYTECODE="1", MPLBACKEND="agg", **variables)


@click.command(help=__doc__.replace("``", ""))
@click.argument(
    "checkouts_", metavar="CHECKOUTS", nargs=-1, required=True, envvar="GLUONCV_CHECKOUT",
    type=click.Path(path_type=Path, exists=True, file_okay=False, resolve_path=True),
)  # fmt: skip
@click.option("--only", default="", help="of the test files, those with this in their names")
@click.option("--seconds", default=900.0, show_default=True, help="for one test; what takes longer fails")
@click.option("--output", type=click.Path(path_type=Path), help="write the tables into this Markdown file")
@click.option(
    "--work", type=click.Path(path_type=Path, resolve_path=True), default="upstream-tests", show_default=True,
    help="what was found out and made; tests known there are not run again: delete it to begin anew",
)  # fmt: skip
def main(checkouts_: tuple[Path, ...], only: str, seconds: float, output: Path | None, work: Path) -> None:
    """Run it."""
    comparisons = [run(checkout, work / version(checkout), only, seconds) for checkout in checkouts_]
    text = report(comparisons)
    if output:
        write_results(output, text)
    print(text)
    print(f"check-upstream-tests: {conclusion(comparisons)}")
    sys.exit(any(comparison.worse for comparison in comparisons))


if __name__ == "__main__":
    main()
