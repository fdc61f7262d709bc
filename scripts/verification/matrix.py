"""Run the fast tests with every Python on this machine, with the oldest and the newest dependencies admitted.

uv resolves the bounds of setup.py both ways and installs each environment. One that has passed is not made
again while the dependencies of the project are what they were.
"""

from __future__ import annotations

import hashlib
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import click

from .pages import markdown, write_results
from .processes import ProcessError, run
from .records import Records

ROOT = Path(__file__).resolve().parents[2]
WORK = ROOT / ".venv" / "matrix"
PYTHONS = tuple(f"3.{minor}" for minor in range(8, 14))
RESOLUTIONS = {"oldest": "lowest-direct", "newest": "highest"}
# Old releases of these have no wheel for a new Python, and do not compile there either.
ONLY_WHEELS = ("matplotlib", "mlxtend", "onnx", "pillow", "pycocotools", "scikit-image", "scipy", "pandas")
SHOWN = ("mxnet", "gluoncv", "numpy", "onnx")
TESTS = "-m pytest -q -m 'not slow' --hypothesis-profile fast -n 2 --dist loadscope"
SUMMARY = re.compile(r"^(?=.*(?:passed|failed|error))[\d\w ,=]+ in [\d.]+s", re.MULTILINE)


@dataclass(frozen=True)
class Outcome:
    """What became of one environment: the versions in it, and the last line of its tests."""

    environment: str
    versions: str
    result: str
    passed: bool

    def row(self) -> tuple[str, ...]:
        """The cells of the table."""
        return (*self.environment.split(), self.versions, self.result)


def interpreter(version: str) -> str | None:
    """Find a Python of this version that can make environments."""
    pyenv = map(str, Path.home().glob(f".pyenv/versions/{version}.*/bin/python"))
    return next((path for path in (shutil.which(f"python{version}"), *pyenv) if path and _works(path)), None)


def _works(path: str) -> bool:
    return subprocess.run([path, "-c", "import venv, ensurepip"], capture_output=True).returncode == 0


def examine(version: str, dependencies: str) -> Outcome:
    """Install one environment, run the fast tests in it, and remove it; what was printed stays in a log."""
    environment, python = f"{version} {dependencies}", interpreter(version)
    if python is None:
        return Outcome(environment, "", "there is no such Python on this machine", False)
    venv, log = WORK / f"py{version}-{dependencies}", WORK / f"py{version}-{dependencies}.log"
    shutil.rmtree(venv, ignore_errors=True)
    log.unlink(missing_ok=True)
    try:
        _install(venv, python, dependencies, log)
        versions, passed = _versions(venv), _test(venv, log)
        said = SUMMARY.findall(log.read_text())
        return Outcome(environment, versions, said[-1].strip("= ") if said else "no tests were run", passed)
    except ProcessError as error:
        return Outcome(environment, "", f"cannot be installed: {error}", False)
    finally:
        shutil.rmtree(venv, ignore_errors=True)


def _install(venv: Path, python: str, dependencies: str, log: Path) -> None:
    wheels = [word for package in ONLY_WHEELS for word in ("--only-binary", package)]
    install = ["pip", "install", "--python", venv / "bin" / "python", "--quiet"]
    for words in (
        ["venv", "--quiet", "--seed", "--python", python, venv],
        [*install, "--resolution", RESOLUTIONS[dependencies], *wheels, "--editable", f"{ROOT}[cpu,test]"],
        [*install, "--no-deps", "--reinstall", "opencv-python-headless<5"],
    ):
        run([sys.executable, "-m", "uv", *words, "--no-python-downloads"], log, folder=ROOT)


def _test(venv: Path, log: Path) -> bool:
    path = os.pathsep.join([str(venv / "bin"), os.environ["PATH"]])
    try:
        run(
            [venv / "bin" / "python", *shlex.split(TESTS)],
            log,
            folder=ROOT,
            environment={**os.environ, "PATH": path},
        )
    except ProcessError:
        return False
    return True


def _versions(venv: Path) -> str:
    script = f"from importlib.metadata import version; print(*(version(name) for name in {SHOWN!r}))"
    done = subprocess.run([venv / "bin" / "python", "-c", script], capture_output=True, text=True)
    return ", ".join(f"{name} {found}" for name, found in zip(SHOWN, done.stdout.split()))


def _records() -> Records[Outcome]:
    WORK.mkdir(parents=True, exist_ok=True)
    dependencies = hashlib.sha256((ROOT / "setup.py").read_bytes()).hexdigest()[:16]
    return Records(WORK / f"outcomes-{dependencies}.jsonl", Outcome)


@click.command()
@click.option("--only", "pythons", multiple=True, type=click.Choice(PYTHONS), help="repeatable; by default all")
@click.option("--dependencies", type=click.Choice(list(RESOLUTIONS)), help="by default both")
@click.option(
    "--output", type=click.Path(path_type=Path), help="write the table into this Markdown file as well"
)
def main(pythons: tuple[str, ...], dependencies: str | None, output: Path | None) -> None:
    """Run the fast tests with each Python, with the oldest and the newest dependencies; print one table."""
    records, outcomes = _records(), []
    for version in pythons or PYTHONS:
        for bound in [dependencies] if dependencies else RESOLUTIONS:
            outcome = records.read().get(f"{version} {bound}")
            if outcome is None or not outcome.passed:
                begin = time.monotonic()
                click.echo(f"Python {version}, {bound} dependencies ...", err=True)
                outcome = examine(version, bound)
                click.echo(f"  {outcome.result} ({time.monotonic() - begin:.0f} s in all)", err=True)
                records.add(outcome)
            outcomes.append(outcome)
    headers = ["Python", "dependencies", "such as", "fast tests"]
    table = markdown([outcome.row() for outcome in outcomes], headers)
    click.echo(table)
    if output:
        write_results(output, table)
    sys.exit(not all(outcome.passed for outcome in outcomes))


if __name__ == "__main__":
    main()
