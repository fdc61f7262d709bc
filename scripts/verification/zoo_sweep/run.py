"""Many networks, each in a process of its own."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Sequence

from tqdm import tqdm

from .. import processes
from ..networks import family
from ..records import Records
from .examine import Outcome

SECONDS = 1800  # for one network


def run(names: Sequence[str], jobs: int, records: Records[Outcome]) -> list[Outcome]:
    """Examine networks, ``jobs`` at a time, unless the records know them already."""
    known = records.read()
    missing = [name for name in names if name not in known]
    with ThreadPoolExecutor(jobs) as pool, tqdm(total=len(names), initial=len(names) - len(missing)) as bar:
        for done in as_completed([pool.submit(_examine_apart, name, records) for name in missing]):
            bar.set_postfix_str(done.result())
            bar.update()
    known = records.read()
    return [known[name] for name in names]


def _examine_apart(name: str, records: Records[Outcome]) -> str:
    """Have a process add its record of a network, or say why there is none; return the name."""
    command = [sys.executable, "-m", "verification.zoo_sweep.examine", name, records.path]
    with TemporaryDirectory() as folder:
        try:
            processes.run(
                command, Path(folder, "log"), seconds=SECONDS, environment=processes.environment_with()
            )
        except processes.ProcessError as error:
            records.add(Outcome(name, family(name), error=str(error)))
    return name
