"""Run the fast tests with every Python on this machine, with the oldest and the newest dependencies admitted.

uv resolves the bounds of setup.py both ways and installs each environment. An outcome on record is not
made again while the dependencies of the project are what they were.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Iterator

import click
from tabulate import tabulate

ROOT = Path(__file__).resolve().parents[2]
WORK = ROOT / ".venv" / "matrix"
PYTHONS = tuple(f"3.{minor}" for minor in range(8, 14))
RESOLUTIONS = {"oldest": "lowest-direct", "newest": "highest"}
# Old releases of these have no wheel for a new Python, and do not compile there either.
ONLY_WHEELS = ("matplotlib", "mlxtend", "onnx", "pillow", "pycocotools", "scikit-image", "scipy", "pandas")
SHOWN = ("mxnet", "gluoncv", "numpy", "onnx")
SUMMARY = re.compile(r"^(?=.*(?:passed|failed|error))[\d\w ,=]+ in [\d.]+s.*$", re.MULTILINE)


@dataclass(frozen=True)
class Outcome:
    """What became of one environment: the versions in it, and the last line of its tests."""

    python: str
    dependencies: str
    versions: str
    result: str
    passed: bool
    fingerprint: str


def interpreters() -> dict[str, str]:
    """The Python interpreters on this machine, by version."""
    found = {version: _interpreter(version) for version in PYTHONS}
    return {version: path for version, path in found.items() if path}


def _interpreter(version: str) -> str | None:
    named = [
        shutil.which(f"python{version}"),
        *map(str, Path.home().glob(f".pyenv/versions/{version}.*/bin/python")),
    ]
    return next((path for path in named if path and _runs(path)), None)


def _runs(path: str) -> bool:
    return subprocess.run([path, "-c", "import venv, ensurepip"], capture_output=True).returncode == 0


def fingerprint() -> str:
    """Tell the dependencies of the project from what they were."""
    return hashlib.sha256((ROOT / "setup.py").read_bytes()).hexdigest()[:16]


def examine(version: str, interpreter: str, dependencies: str) -> Outcome:
    """Install one environment, run the fast tests in it, and remove it."""
    venv = WORK / f"py{version}-{dependencies}"
    shutil.rmtree(venv, ignore_errors=True)
    try:
        problem = _install(venv, interpreter, dependencies)
        result = problem or _test(venv)
        passed = problem is None and "failed" not in result and "error" not in result and "passed" in result
        return Outcome(version, dependencies, "" if problem else _versions(venv), result, passed, fingerprint())
    finally:
        shutil.rmtree(venv, ignore_errors=True)


def _install(venv: Path, interpreter: str, dependencies: str) -> str | None:
    """Make the environment; the last line of what uv says if it cannot."""
    wheels = [word for package in ONLY_WHEELS for word in ("--only-binary", package)]
    install = [*_uv("pip", "install"), "--python", str(venv / "bin" / "python"), "--quiet"]
    for command in (
        _uv("venv", "--quiet", "--seed", "--python", interpreter, str(venv)),
        [*install, "--resolution", RESOLUTIONS[dependencies], *wheels, "--editable", f"{ROOT}[cpu,test]"],
        [*install, "--no-deps", "--reinstall", "opencv-python-headless<5"],
    ):
        done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
        if done.returncode:
            return f"cannot be installed: {_last_line(done.stderr)}"
    return None


def _uv(*words: str) -> list[str]:
    return [sys.executable, "-m", "uv", *words, "--no-python-downloads"]


def _test(venv: Path) -> str:
    options = "-m pytest -q -m 'not slow' --hypothesis-profile fast -n 2 --dist loadscope"
    command = [str(venv / "bin" / "python"), *shlex.split(options)]
    environment = {**os.environ, "PATH": f"{venv / 'bin'}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=environment)
    (WORK / f"{venv.name}.log").write_text(done.stdout + done.stderr)
    lines = SUMMARY.findall(done.stdout)
    return lines[-1].strip("= ") if lines else f"no tests were run: {_last_line(done.stdout + done.stderr)}"


def _versions(venv: Path) -> str:
    script = f"from importlib.metadata import version; print(*(version(name) for name in {SHOWN!r}))"
    python = venv / "bin" / "python"
    done = subprocess.run([str(python), "-c", script], capture_output=True, text=True)
    return ", ".join(f"{name} {found}" for name, found in zip(SHOWN, done.stdout.split()))


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "nothing was said"


def read_records(path: Path) -> list[Outcome]:
    """What former runs found out about these dependencies."""
    lines = path.read_text().splitlines() if path.exists() else []
    return [
        outcome
        for outcome in (Outcome(**json.loads(line)) for line in lines)
        if outcome.fingerprint == fingerprint()
    ]


def outcomes(wanted: list[tuple[str, str]], records: Path) -> Iterator[Outcome]:
    """Examine each (version, dependencies), unless the records know it already."""
    found = interpreters()
    known = {(outcome.python, outcome.dependencies): outcome for outcome in read_records(records)}
    for version, dependencies in wanted:
        if version not in found:
            yield Outcome(
                version, dependencies, "", "there is no such Python on this machine", False, fingerprint()
            )
            continue
        outcome = known.get((version, dependencies))
        if outcome is None:
            begin = time.monotonic()
            click.echo(f"Python {version}, {dependencies} dependencies ...", err=True)
            outcome = examine(version, found[version], dependencies)
            click.echo(f"  {outcome.result} ({time.monotonic() - begin:.0f} s in all)", err=True)
            with records.open("a") as file:
                file.write(json.dumps(asdict(outcome)) + "\n")
        yield outcome


@click.command()
@click.option(
    "--only", "pythons", multiple=True, type=click.Choice(PYTHONS), help="may be repeated; by default all"
)
@click.option("--dependencies", type=click.Choice(list(RESOLUTIONS)), help="by default both")
@click.option(
    "--output", type=click.Path(path_type=Path), help="write the table into this Markdown file as well"
)
def main(pythons: tuple[str, ...], dependencies: str | None, output: Path | None) -> None:
    """Run the fast tests with each Python, with the oldest and the newest dependencies; print one table."""
    WORK.mkdir(parents=True, exist_ok=True)
    chosen = [dependencies] if dependencies else list(RESOLUTIONS)
    found = list(outcomes([(v, d) for v in pythons or PYTHONS for d in chosen], WORK / "outcomes.jsonl"))
    rows = [(o.python, o.dependencies, o.versions, o.result) for o in found]
    table = tabulate(
        rows,
        headers=["Python", "dependencies", "such as", "fast tests"],
        tablefmt="github",
        disable_numparse=True,
    )
    click.echo(table)
    if output:
        output.write_text(f"# Python and dependencies\n\nMade by `scripts/check-matrix`.\n\n{table}\n")
    sys.exit(not all(outcome.passed for outcome in found))


if __name__ == "__main__":
    main()
