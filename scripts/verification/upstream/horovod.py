"""A step that runs a script with Horovod: several workers on this machine, connected by gloo."""

from __future__ import annotations

import shlex
import sys
from dataclasses import dataclass
from pathlib import Path

from .case import Findings, Place
from .run import Run, doconv_run, run_logged


@dataclass(frozen=True)
class HorovodRun(Run):
    """Run a script in ``workers`` processes, each in a folder of its own, named by its rank.

    GluonCV's script lets every worker write the same file; here each writes its own.
    """

    workers: int = 2

    def __call__(self, place: Place) -> Findings:
        """Run it to its end; raise CheckError if that is not a good one."""
        work = place.work / self.folder
        for rank in range(self.workers):
            (work / str(rank) / "params").mkdir(parents=True)
        script = [str(place.checkout / "scripts" / self.script), *place.fill(self.arguments)]
        worker = f'cd "$HOROVOD_RANK" && exec {shlex.join([*doconv_run(place, self.options), *script])}'
        horovodrun = str(Path(sys.executable).with_name("horovodrun"))
        places = ["--gloo", "-np", str(self.workers), "-H", f"localhost:{self.workers}"]
        run_logged([horovodrun, *places, "sh", "-c", worker], work, place)
        return {}
