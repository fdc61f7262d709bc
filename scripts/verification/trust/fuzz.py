"""Read damaged files, thousands of them: whatever they are, they are read, or refused in a sentence.

A worker reads one after the other and tells of each; where it dies, the next goes on after that file.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from random import Random
from typing import Iterator, NamedTuple

from gluon_doconv import DOConvError

from ..processes import environment_with

SECONDS = 2  # of the processor, for one file
MEBIBYTES = 1024
PATIENCE = 60  # seconds until a worker that says nothing is given up


class Outcome(NamedTuple):
    """What became of one file; ``fault`` is empty where it was read, or refused in a sentence."""

    number: int
    kind: str
    refused: bool
    fault: str


def fuzz(cases: int, seed: int) -> list[Outcome]:
    """Read so many damaged files."""
    outcomes: list[Outcome] = []
    while len(outcomes) < cases:
        outcomes += _by_one_worker(seed, len(outcomes), cases)
    return outcomes


def rows(outcomes: list[Outcome]) -> list[tuple[object, ...]]:
    """Count by kind of file: tried, read, refused in a sentence, failed."""
    kinds = list(dict.fromkeys(outcome.kind for outcome in outcomes))
    return [_row(kind, [outcome for outcome in outcomes if outcome.kind == kind]) for kind in kinds]


def _row(kind: str, outcomes: list[Outcome]) -> tuple[object, ...]:
    refused = sum(outcome.refused for outcome in outcomes)
    failed = sum(bool(outcome.fault) for outcome in outcomes)
    return kind, len(outcomes), len(outcomes) - refused - failed, refused, failed


def _by_one_worker(seed: int, first: int, last: int) -> list[Outcome]:
    command = [sys.executable, "-m", __name__, str(seed), str(first), str(last)]
    with tempfile.TemporaryFile("w+") as said:
        worker = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=said, text=True, env=environment_with()
        )
        assert worker.stdout is not None
        outcomes = [Outcome(*json.loads(line[2:])) for line in worker.stdout if line.startswith("@@")]
        code = worker.wait()
        said.seek(0)
        end = said.read()[-300:]
    if first + len(outcomes) < last:
        number = first + len(outcomes)
        outcomes.append(Outcome(number, _kind(number), False, f"the process ended with {code}: {end}"))
    return outcomes


def _kind(number: int) -> str:
    from .fuzz_cases import KINDS

    return KINDS[number % len(KINDS)].__name__


def read_damaged(seed: int, first: int, last: int) -> Iterator[Outcome]:
    """Read the files of these numbers, in this process."""
    from .fuzz_cases import KINDS, network, sound

    network(), sound()
    for number in range(first, last):
        random, case = Random(f"{seed} {number}"), KINDS[number % len(KINDS)]
        with tempfile.TemporaryDirectory() as name:
            folder, begin, memory = Path(name), time.process_time(), _peak()
            refused, fault = False, ""
            try:
                case(random, folder)
            except (DOConvError, OSError) as error:
                refused, fault = True, _fault_of(str(error), folder)
            except Exception as error:
                fault = f"{type(error).__name__}: {str(error)[:300]}"
            if time.process_time() - begin > SECONDS:
                fault = fault or f"it took {time.process_time() - begin:.1f} s"
            if _peak() - memory > MEBIBYTES:
                fault = fault or f"it took {_peak() - memory:.0f} MiB"
        yield Outcome(number, case.__name__, refused and not fault, fault)


def _fault_of(sentence: str, folder: Path) -> str:
    if not sentence or "Traceback" in sentence:
        return f"not a sentence: {sentence[:300]}"
    left = [path.name for path in folder.iterdir() if "written" in path.name]
    return f"{left} was written after a failure" if left else ""


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    for outcome in read_damaged(*map(int, sys.argv[1:])):
        print("@@" + json.dumps(outcome), flush=True)
