"""What segmentation and detection have in common: a network that is trained on a backbone of ImageNet's."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

from .case import Case, Step
from .classification import REC, imagenet_network, imagenet_run
from .comparing import arrives, resumes, same_prints
from .folding import Network, folds
from .run import Run, give

WEIGHTS = "--weights ../weights"  # the case's own, in place of those that every case shares


@dataclass(frozen=True)
class FineTuning(ABC):
    """A training script, and the network it trains on ``base``, a classifier of the model zoo.

    ``among`` and ``may_rest`` are those of :func:`~.folding.folds`.
    """

    base: str
    network: Network
    among: tuple[str, ...] = ()
    may_rest: str = "$^"

    @abstractmethod
    def run(self, folder: str, arguments: str, options: str = "", epoch: int | None = None) -> Run:
        """Run the script; from ``epoch`` on, if it is to be repeatable."""

    @abstractmethod
    def saved(self, folder: str, epoch: int = 0) -> str:
        """Return the pattern of a checkpoint."""

    def folds(self, saved: str, start: str = "") -> Step:
        """Check that a checkpoint folds."""
        return folds(saved, self.network, self.among, start, self.may_rest)

    def starts(self, options: str = "") -> tuple[Step, ...]:
        """Check that the backbone starts from the pretrained file, plain or DO-Conv."""
        file, finding = f"weights/{self.base}.params", "backbone starts from its file"
        return (
            self.run("still", "--epochs 1 --lr 0", options),
            arrives(file, imagenet_network(self.base), self.saved("still"), self.network, finding),
        )

    def resume(self, arguments: str, resumption: str, finding: str) -> tuple[Step, ...]:
        """Check that ``resumption``, an option that takes a checkpoint, goes on as if nothing had happened."""
        first, second = self.saved("whole", 0), self.saved("whole", 1)
        return (
            self.run("whole", f"{arguments} --epochs 2", epoch=0),
            self.run("resumed", f"{arguments} --epochs 2 {resumption} @{first}", epoch=1),
            self.folds(second),
            resumes(first, second, self.saved("resumed", 1), finding),
            *self.starts(),
        )

    def from_doconv_base(self, base_arguments: str, arguments: str = "") -> tuple[Step, ...]:
        """Train the base with DO-Conv, then, from its W and D, the network."""
        return (
            imagenet_run("base", self.base, f"{REC} -j 2 --mode hybrid {base_arguments}"),
            give("base/params/imagenet-*-0.params", self.base),
            *self.starts(WEIGHTS),
            self.run("train", f"--epochs 1 {arguments}", WEIGHTS),
            self.folds(self.saved("train"), start=self.saved("still")),
        )


def trains(
    title: str,
    script: str,
    words: str,
    saved: str,
    network: Network,
    *more: Step,
    options: str = "",
    may_rest: str = "$^",
    model: str | None = None,
) -> Case:
    """Return the case of a script that trains a network for an epoch, in ``train``, and saves it there.

    ``more`` steps come after the check of what is saved, ``options`` are those of ``gluon-doconv run``,
    ``may_rest`` is that of :func:`~.folding.folds`, and ``model`` is what the model zoo has to have.
    """
    trained = Run("train", script, words, options)
    steps: tuple[Step, ...] = (trained, folds(f"train/{saved}", network, may_rest=may_rest), *more)
    return Case(title, steps, tuple(filter(None, (script, model))))


def same_folded(
    folder: str, script: str, arguments: str, saved: str, pattern: str, finding: str
) -> tuple[Step, ...]:
    """Check that a script prints the same of a checkpoint as of the folded file in a plain network."""
    folded = f"{folder} folded"
    return (
        Run(folder, script, f"{arguments} @{saved}"),
        Run(folded, script, f"{arguments} @folded.params", "--off"),
        same_prints(folder, folded, pattern, finding),
    )
