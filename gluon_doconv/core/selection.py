"""Which convolutions: by name, by the paper's stage, by kind."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from typing import Iterable, Sequence

from ..errors import DOConvError
from .convolutions import Convolution

PARTS = ("backbone", "head")
BACKBONE = re.compile(
    r"(^|[_\d])(cifar|wide|se|de|plain)*"
    r"(resnet|resnext|resnest|mobilenet|vgg|densenet|darknet|inception|alexnet|squeezenet|xception|hrnet"
    r"|nasnet|googlenet|highresolution)"
)
STAGE = re.compile(r"(?:stage|layers?)_?(\d)(?=[_.]|$)")


@dataclass(frozen=True)
class Selection:
    """A choice among the convolutions of a network.

    Parameters
    ----------
    include, exclude : regular expressions, or lists of them, searched for in a layer's structural name and
        in its Gluon name. Nothing to include means everything
    stages : the paper's stage numbers (Table 6): 0 is the stem, 1 to 4 the stages of a ResNet, 1 to 3 on
        CIFAR. None means all, and whatever belongs to no stage
    part : ``"backbone"`` or ``"head"`` (of segmentation and detection), see :func:`part_of`; None means both
    """

    include: Sequence[str] = ()
    exclude: Sequence[str] = ()
    stages: frozenset[int] | None = None
    part: str | None = None

    def __post_init__(self) -> None:
        if self.part not in (None, *PARTS):
            raise DOConvError(f"part={self.part!r}: choose from {list(PARTS)}, or None for all")

    @classmethod
    def of(
        cls,
        include: str | Iterable[str] | None = None,
        exclude: str | Iterable[str] | None = None,
        stages: int | Iterable[int] | None = None,
        part: str | None = None,
    ) -> Selection:
        """Accept what a person writes: one pattern or several, one stage or several."""
        return cls(_patterns(include), _patterns(exclude), _numbers(stages), part)

    def reasons(self, convolutions: Sequence[Convolution]) -> list[str | None]:
        """For each convolution, in order, why it is not chosen; None for a chosen one.

        Raises
        ------
        DOConvError
            If nothing that DO-Conv applies to is chosen; the message lists near names, or the stages.
        """
        stages = stages_of(convolutions)
        reasons = [self._reason(convolution, stage) for convolution, stage in zip(convolutions, stages)]
        if all(reasons):
            raise DOConvError(self._nothing_matched(convolutions, stages))
        return reasons

    def _reason(self, convolution: Convolution, stage: int | None) -> str | None:
        if convolution.obstacle:
            return convolution.obstacle
        if self.include and not _matches(self.include, convolution):
            return "not included"
        if _matches(self.exclude, convolution):
            return "excluded"
        if self.stages is not None and stage not in self.stages:
            return "in no stage" if stage is None else f"in stage {stage}"
        if self.part not in (None, part_of(convolution)):
            return f"in the {part_of(convolution)}"
        return None

    def _nothing_matched(self, convolutions: Sequence[Convolution], stages: Sequence[int | None]) -> str:
        usable = [
            (convolution, stage) for convolution, stage in zip(convolutions, stages) if not convolution.obstacle
        ]
        if not usable:
            return (
                f"nothing to over-parameterize: no convolution ({len(convolutions)} found) has a spatial kernel"
            )
        hint = f"This network has {len(usable)} that could be chosen"
        known = sorted({stage for _, stage in usable if stage is not None})
        if self.stages is not None:
            hint += f", in stages {known}" if known else ", and no stages"
        return f"the selection {self} matches no convolution. {hint}, for instance {self._near(usable)}."

    def _near(self, usable: Sequence[tuple[Convolution, int | None]]) -> str:
        names = [name for convolution, _ in usable for name in (convolution.name, convolution.prefix)]
        near = [name for pattern in self.include for name in difflib.get_close_matches(pattern, names, 3, 0.3)]
        return ", ".join(dict.fromkeys(near or [convolution.name for convolution, _ in usable[:3]]))


def part_of(convolution: Convolution) -> str:
    """``'backbone'``, what a classification network brings along, or ``'head'``, what a task adds to it.

    GluonCV writes the backbone's name into the names of its layers, before their own.
    """
    return "backbone" if BACKBONE.search(convolution.prefix) else "head"


def stages_of(convolutions: Sequence[Convolution]) -> list[int | None]:
    """The paper's stage of each convolution (Table 6).

    GluonCV writes it into the names of its networks (``stage2_conv0``, ``layer2.0.conv1``). What comes
    before the first named stage is the stem, stage 0; what comes after without a stage has none.
    """
    stages: list[int | None] = []
    staged = any(_named_stage(convolution) is not None for convolution in convolutions)
    in_stem = staged
    for convolution in convolutions:
        stage = _named_stage(convolution)
        in_stem = in_stem and stage is None
        stages.append(0 if in_stem else stage)
    return stages


def _named_stage(convolution: Convolution) -> int | None:
    found = STAGE.search(convolution.prefix) or STAGE.search(convolution.name)
    return int(found.group(1)) if found else None


def _matches(patterns: Iterable[str], convolution: Convolution) -> bool:
    return any(
        re.search(pattern, name) for pattern in patterns for name in (convolution.name, convolution.prefix)
    )


def _numbers(given: int | Iterable[int] | None) -> frozenset[int] | None:
    if given is None:
        return None
    return frozenset(int(number) for number in (given if isinstance(given, Iterable) else [given]))


def _patterns(given: str | Iterable[str] | None) -> tuple[str, ...]:
    listed = (given,) if isinstance(given, (str, re.Pattern)) else tuple(given or ())
    patterns = tuple(getattr(pattern, "pattern", pattern) for pattern in listed)
    for pattern in patterns:
        try:
            re.compile(pattern)
        except re.error as error:
            raise DOConvError(f"{pattern!r} is not a regular expression: {error}") from error
    return patterns
