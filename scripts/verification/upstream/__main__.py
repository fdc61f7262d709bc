"""``scripts/check-upstream``: the command line."""

from __future__ import annotations

import gc
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Iterable

import gluon_doconv  # noqa: F401  (makes the next ones importable)
from gluon_doconv.compat.workarounds import apply_workarounds
from gluon_doconv.patching.pretrained import serve_weights

import click
import gluoncv
from gluoncv.model_zoo import get_model_list
from tqdm import tqdm

from ..checkouts import version
from ..pages import read_results, write_results
from ..records import Records
from . import actions, classification, deployment, detection, detectors, others, poses, segmentation
from .case import DATA_SETS, CannotRunError, Case, CheckError, Findings, Outcome, Place
from .data import prepare
from .report import report, table

KINDS = (classification, segmentation, detection, detectors, poses, actions, others, deployment)
CASES = tuple(case for kind in KINDS for case in kind.CASES)


@click.command()
@click.option("--only", default="", help="run the cases whose name has this in it")
@click.option(
    "--checkout", envvar="GLUONCV_CHECKOUT", required=True, type=click.Path(exists=True, path_type=Path)
)
@click.option("--output", type=click.Path(path_type=Path), help="write the table into this page")
@click.option(
    "--keep",
    type=click.Path(path_type=Path),
    help="work in this folder, and keep all that is left in it; what earlier runs found there is kept, too",
)
def main(only: str, checkout: Path, output: Path | None, keep: Path | None) -> None:
    """Run GluonCV's own scripts, unchanged, with DO-Conv, and check what they leave behind."""
    checkout = checkout.resolve()
    if checkout not in Path(gluoncv.__file__).parents:
        raise click.ClickException(f"gluoncv is imported from {gluoncv.__file__}: put {checkout} on PYTHONPATH")
    folder = (keep or Path(tempfile.mkdtemp(prefix="check-upstream-"))).resolve()
    if not (folder / DATA_SETS).exists():
        prepare(folder)
    records = Records(folder / "outcomes.jsonl", Outcome)
    undos = [apply_workarounds(), serve_weights(folder / "weights")]
    for case in tqdm([case for case in CASES if only in case.name]):
        records.add(_run(case, Place(checkout, folder, folder / case.folder), keep is not None))
    for undo in undos:
        undo()
    known = records.read()
    outcomes = [known[case.name] for case in CASES if case.name in known]
    print(table(outcomes))
    if output:
        write_results(output, report(outcomes, version(checkout), read_results(output)))
    failed = [outcome for outcome in outcomes if outcome.failure]
    print(f"check-upstream: {len(failed)} of {len(outcomes)} failed; what they left is in {folder}")
    sys.exit(1 if failed else 0)


def _run(case: Case, place: Place, keep: bool) -> Outcome:
    """Take the steps of a case, until one fails."""
    skipped = _missing(case.needs, place.checkout) or case.missing()
    if skipped:
        return Outcome(case.name, skipped=skipped)
    shutil.rmtree(place.work, ignore_errors=True)
    place.work.mkdir()
    findings: Findings = {}
    try:
        for step in case.steps:
            for column, finding in step(place).items():
                found = [*findings.get(column, "").split("; "), finding]
                findings[column] = "; ".join(dict.fromkeys(filter(None, found)))
    except CannotRunError as reason:
        return Outcome(case.name, skipped=str(reason))
    except CheckError as failure:
        return Outcome(case.name, findings, str(failure))
    except Exception as error:  # whatever the package itself raised: the other cases go on
        return Outcome(case.name, findings, f"{type(error).__name__}: {error}")
    finally:
        gc.collect()  # networks are large, and full of cycles
    if not keep:
        shutil.rmtree(place.work)
    return Outcome(case.name, findings)


def _missing(needs: Iterable[str], checkout: Path) -> str:
    for need in needs:
        if need.endswith(".py"):
            if not (checkout / "scripts" / need).exists():
                return "there is no such script"
        elif need not in get_model_list():
            return "there is no such model"
    return ""


if __name__ == "__main__":
    main()
