"""Logs of trainings under way, step by step and epoch by epoch: in TensorBoard, or nowhere."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, ContextManager, Iterator, Mapping, Optional

from ..errors import DOConvError

Scores = Mapping[str, Optional[float]]  # by name; what was not measured is None
Log = Callable[[str, int, Scores], None]  # "epoch" or "step", its number from 1, what it measured
Tracker = Callable[[str], ContextManager[Log]]  # for as long as the training of this name goes on

FLUSH_SECONDS = 1  # of tensorboardX, which by default keeps events two minutes in memory


@contextmanager
def no_tracker(run: str) -> Iterator[Log]:
    """Log nothing of the training ``run``."""
    yield lambda unit, number, scores: None


@dataclass(frozen=True)
class TensorBoard:
    """Event files in ``folder``, which TensorBoard shows as one run for each training.

    Raises
    ------
    DOConvError
        If tensorboardX is missing.
    """

    folder: Path

    def __post_init__(self) -> None:
        try:
            import tensorboardX  # noqa: F401
        except ImportError as error:
            raise DOConvError(
                f"for TensorBoard, tensorboardX is needed ({error}): pip install 'gluon_doconv[tensorboard]'"
            ) from error

    @contextmanager
    def __call__(self, run: str) -> Iterator[Log]:
        """Write what is logged of the training ``run``, a second or so later."""
        from tensorboardX import SummaryWriter

        with SummaryWriter(str(self.folder / run), flush_secs=FLUSH_SECONDS) as writer:

            def log(unit: str, number: int, scores: Scores) -> None:
                for name, value in scores.items():
                    if value is not None:
                        writer.add_scalar(f"{unit}/{name.replace(' ', '_')}", value, number)

            yield log
