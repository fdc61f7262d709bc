"""What is trained: the data, the network, what DO-Conv does to it, and the settings, which never differ."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from gluoncv.utils import LRScheduler
from mxnet.lr_scheduler import CosineScheduler

from ..core.config import DOConvConfig


@dataclass(frozen=True)
class Recipe:
    """Settings of a training, which no variant changes: replacement is the only difference (section 4).

    Parameters
    ----------
    epochs, batch_size, momentum, weight_decay : as they say; an incomplete last batch is trained on, too
    learning_rate : divided by ten at each of the ``milestones``, shares of all steps
    warmup_steps, warmup_rate : the learning rate of the first steps, if any
    averaged_epochs : how many of the last epochs the reported accuracy is the mean of
    """

    epochs: int
    batch_size: int = 128
    learning_rate: float = 0.1
    milestones: tuple[float, ...] = (0.5, 0.75)
    momentum: float = 0.9
    weight_decay: float = 1e-4
    warmup_steps: int = 0
    warmup_rate: float = 0.01
    averaged_epochs: int = 5  # "the averaged accuracy of the last five epochs over five runs" (section 4.1)

    def rate(self, step: int, steps: int) -> float:
        """Compute the learning rate of a step, counted from 0, of ``steps`` in all."""
        if step < self.warmup_steps:
            return self.warmup_rate
        return self.learning_rate * 0.1 ** sum(step >= share * steps for share in self.milestones)


@dataclass(frozen=True)
class AnnealedRecipe:
    """Settings of a training whose learning rate falls smoothly to 0, as GluonCV's scripts have it.

    Parameters
    ----------
    epochs, batch_size, momentum, weight_decay : as they say
    learning_rate : its largest
    curve : by which it falls: ``cosine``, or ``poly`` of power 0.9
    warmup : as a share of all steps, over which it grows from 0 before a cosine
    averaged_epochs : as in :class:`Recipe`
    """

    epochs: int
    batch_size: int
    learning_rate: float
    curve: str = "cosine"
    warmup: float = 0.0
    momentum: float = 0.9
    weight_decay: float = 1e-4
    averaged_epochs: int = 1

    def rate(self, step: int, steps: int) -> float:
        """Compute the learning rate of a step, counted from 0, of ``steps`` in all."""
        if self.curve == "poly":
            schedule = LRScheduler("poly", base_lr=self.learning_rate, niters=steps, power=0.9)
        else:
            schedule = CosineScheduler(steps, self.learning_rate, warmup_steps=int(self.warmup * steps))
        return schedule(step + 1)


@dataclass(frozen=True)
class Command:
    """A training by a script of GluonCV's, with the arguments of GluonCV's own training command.

    Parameters
    ----------
    script : path in a checkout of GluonCV
    arguments : all but those that say where the data are, and which devices are used
    epochs : as in ``arguments``
    batch_size : of all devices together
    averaged_epochs : as in :class:`Recipe`
    """

    script: str
    arguments: tuple[str, ...]
    epochs: int
    batch_size: int
    averaged_epochs: int = 1


@dataclass(frozen=True)
class Variant:
    """What DO-Conv does to the network: nothing in the baseline, else as in ``over_parameterize``."""

    name: str
    doconv: bool = True
    stages: tuple[int, ...] | None = None
    d_mul: int | None = None
    d_initializer: str = "identity"

    @property
    def config(self) -> DOConvConfig | None:
        """What the network is over-parameterized with; None in the baseline."""
        if not self.doconv:
            return None
        return DOConvConfig(stages=self.stages, d_mul=self.d_mul, d_initializer=self.d_initializer)


BASELINE = Variant("baseline", doconv=False)
DOCONV = Variant("doconv")
RANDOM = Variant("doconv-he", d_initializer="he")


def in_stages(*stages: int) -> Variant:
    """Make DO-Conv in some of the paper's stages only (Table 6)."""
    return Variant(f"doconv-stages{''.join(map(str, stages))}", stages=stages)


def with_d_mul(d_mul: int) -> Variant:
    """Make DO-Conv of another depth multiplier (Table 8)."""
    return Variant(f"doconv-dmul{d_mul}", d_mul=d_mul)


@dataclass(frozen=True)
class Configuration:
    """One training but for its seed.

    ``data`` is a name of :mod:`~gluon_doconv.lab.images`, or one that a script knows; ``backbone`` is
    the training whose parameters this one starts from, where it has a first stage.
    """

    data: str
    network: str
    variant: Variant
    recipe: Recipe | AnnealedRecipe | Command
    backbone: Configuration | None = None

    def name(self, seed: int) -> str:
        """Name the folder of this training."""
        backbone = f"-on-{self.backbone.variant.name}" if self.backbone else ""
        return f"{self.data}-{self.network}{backbone}-{self.variant.name}-seed{seed}"

    def as_dict(self) -> dict[str, Any]:
        """Collect the fields for JSON, which makes lists of tuples."""
        return asdict(self)
