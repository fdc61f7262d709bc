"""Many networks, each in a process of its own, and what former runs found out."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict
from pathlib import Path
from typing import Sequence

from tqdm import tqdm

from .examine import Outcome
from .networks import family

SECONDS = 1800  # for one network
PACKAGE = Path(__file__).resolve().parent


def run(names: Sequence[str], jobs: int, records: Path) -> list[Outcome]:
    """Examine networks, each in a process of its own, unless the records know them already."""
    known = {outcome.name: outcome for outcome in read_records(records)}
    missing = [name for name in names if name not in known]
    with ThreadPoolExecutor(jobs) as pool, tqdm(total=len(names), initial=len(names) - len(missing)) as bar:
        for done in as_completed([pool.submit(_examine_apart, name) for name in missing]):
            outcome = known[done.result().name] = done.result()
            with records.open("a") as file:
                file.write(json.dumps(asdict(outcome)) + "\n")
            bar.set_postfix_str(outcome.name)
            bar.update()
    return [known[name] for name in names]


def read_records(records: Path) -> list[Outcome]:
    """What former runs have found out."""
    lines = records.read_text().splitlines() if records.exists() else []
    return [Outcome(**json.loads(line)) for line in lines]


def _examine_apart(name: str) -> Outcome:
    command = [sys.executable, "-m", PACKAGE.name, "--one", name]
    path = os.pathsep.join(filter(None, (str(PACKAGE.parent), os.environ.get("PYTHONPATH"))))
    try:
        child = subprocess.run(
            command, capture_output=True, timeout=SECONDS, env={**os.environ, "PYTHONPATH": path}
        )
    except subprocess.TimeoutExpired:
        return Outcome(name, family(name), SECONDS, error=f"no end after {SECONDS} s")
    if child.returncode:
        said = child.stderr.decode(errors="replace").strip().splitlines() or [""]
        return Outcome(name, family(name), error=f"exit code {child.returncode}: {said[-1][:160]}")
    return Outcome(**json.loads(child.stdout.decode().splitlines()[-1]))
