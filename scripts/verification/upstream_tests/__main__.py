"""Run GluonCV's own tests stock and under the patch, and compare them test by test.

CHECKOUTS are folders with GluonCV's repository. Its own ``gluoncv`` is the one that is tested.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Sequence

from gluon_doconv.checkout import apply as checkouts
from gluon_doconv.errors import DOConvError

import click
from tqdm import tqdm

from .records import Record, append, begun, count, read
from .report import Comparison, compare, conclusion, report

PATTERNS = ("tests/unittests/test_*.py", "tests/model_zoo/test_*.py", "tests/auto/test_auto_*.py")
PYTEST = ("-p", "verification.upstream_tests.plugin", "-p", "no:cacheprovider", "-c", os.devnull)
SCRIPTS = Path(__file__).resolve().parents[2]


def test_files(checkout: Path, only: str) -> list[Path]:
    """The MXNet tests of a checkout."""
    return [path for pattern in PATTERNS for path in sorted(checkout.glob(pattern)) if only in path.name]


def run(checkout: Path, work: Path, only: str, seconds: float) -> Comparison:
    """Run the tests of a checkout twice, but those that ``work`` knows, and compare."""
    work.mkdir(parents=True, exist_ok=True)
    stock, doconv = work / "stock.jsonl", work / "doconv.jsonl"
    for file in tqdm(test_files(checkout, only), desc=checkout.name):
        _run_file(file, checkout, work, ["--records", stock, "--seconds", seconds])
        _run_file(file, checkout, work, ["--records", doconv, "--seconds", seconds, "--stock", stock])
    return compare(_version(checkout), read(stock), read(doconv))


def _run_file(file: Path, checkout: Path, work: Path, options: Sequence[Any]) -> None:
    """Go on, in a new process, as long as one ends before its last test, but has begun another one."""
    records, lines = options[1], -1
    command = [sys.executable, "-m", "pytest", *map(str, [*PYTEST, "--rootdir", checkout, *options, file])]
    while count(records) > lines:
        lines = count(records)
        with (work / "pytest.log").open("a") as log, TemporaryDirectory(dir=work) as cwd:
            ended = subprocess.run(command, env=_environment(checkout, work), cwd=cwd, stdout=log, stderr=log)
        if ended.returncode == 0:
            return
        for test in begun(records):
            append(records, Record(test, "failed", why=f"its process ended with {ended.returncode}"))
    raise DOConvError(f"{file}: pytest ended with {ended.returncode}; see {log.name}")


def _environment(checkout: Path, work: Path) -> dict[str, str]:
    path = [checkout, SCRIPTS.parent, SCRIPTS]
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(map(str, path)),
        "PYTHONDONTWRITEBYTECODE": "1",
        "HOME": str(_folder(work / "home")),
        "MXNET_HOME": str(_folder(work / "home" / ".mxnet")),
        "MPLBACKEND": "agg",
    }


def _folder(path: Path) -> Path:
    path.mkdir(parents=True, exist_ok=True)
    return path


def _version(checkout: Path) -> str:
    try:
        return checkouts.check(checkout).version.name
    except DOConvError:
        return checkout.name


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
    comparisons = [run(checkout, work / _version(checkout), only, seconds) for checkout in checkouts_]
    text = report(comparisons)
    if output:
        output.write_text(text + "\n")
    print(text)
    print(f"check-upstream-tests: {conclusion(comparisons)}")
    sys.exit(any(comparison.worse for comparison in comparisons))


if __name__ == "__main__":
    main()
