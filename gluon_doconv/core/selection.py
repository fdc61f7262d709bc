"""Which convolutions: by name, by the paper's stage, by kind."""

from __future__ import annotations

import difflib
import re
from typing import Iterable, Protocol, Sequence, cast

from ..errors import DOConvError
from .config import DOConvConfig

BACKBONE = re.compile(
    r"(^|[_\d])(cifar|wide|se|de|plain)*"
    r"(resnet|resnext|resnest|mobilenet|vgg|densenet|darknet|inception|alexnet|squeezenet|xception|hrnet"
    r"|nasnet|googlenet|highresolution)"
)
STAGE = re.compile(r"(?:stage|layers?)_?(\d)(?=[_.]|$)")


class Selectable(Protocol):
    """A convolution as far as a selection looks at it, whether of a live network or of a symbol."""

    @property
    def name(self) -> str:
        """What files call it; patterns and stages are searched for in it."""

    @property
    def prefix(self) -> str:
        """What the network calls it; patterns and stages are searched for in it, too."""

    @property
    def obstacle(self) -> str | None:
        """Why DO-Conv does not apply here; None if it does."""


def reasons(config: DOConvConfig, convolutions: Sequence[Selectable]) -> list[str | None]:
    """For each convolution, in order, why ``config`` does not choose it; None for a chosen one.

    Raises
    ------
    DOConvError
        If nothing that DO-Conv applies to is chosen; the message lists near names, or the stages.
    """
    stages = stages_of(convolutions)
    found = [_reason(config, convolution, stage) for convolution, stage in zip(convolutions, stages)]
    if all(found):
        raise DOConvError(_nothing_matched(config, convolutions, stages))
    return found


def _reason(config: DOConvConfig, convolution: Selectable, stage: int | None) -> str | None:
    if convolution.obstacle:
        return convolution.obstacle
    if config.include and not _matches(config.include, convolution):
        return "not included"
    if config.exclude and _matches(config.exclude, convolution):
        return "excluded"
    if config.stages is not None and stage not in cast("tuple[int, ...]", config.stages):
        return "in no stage" if stage is None else f"in stage {stage}"
    if config.part not in (None, part_of(convolution)):
        return f"in the {part_of(convolution)}"
    return None


def _nothing_matched(
    config: DOConvConfig, convolutions: Sequence[Selectable], stages: Sequence[int | None]
) -> str:
    usable = [
        (convolution, stage) for convolution, stage in zip(convolutions, stages) if not convolution.obstacle
    ]
    if not usable:
        return f"nothing to over-parameterize: no convolution ({len(convolutions)} found) has a spatial kernel"
    hint = f"This network has {len(usable)} that could be chosen"
    known = sorted({stage for _, stage in usable if stage is not None})
    if config.stages is not None:
        hint += f", in stages {known}" if known else ", and no stages"
    chosen = {name: getattr(config, name) for name in ("include", "exclude", "stages", "part")}
    said = ", ".join(f"{name}={value!r}" for name, value in chosen.items() if value is not None)
    return f"the selection {said} matches no convolution. {hint}, for instance {_near(config, usable)}."


def _near(config: DOConvConfig, usable: Sequence[tuple[Selectable, int | None]]) -> str:
    names = [name for convolution, _ in usable for name in (convolution.name, convolution.prefix)]
    near = [
        name for pattern in config.include or () for name in difflib.get_close_matches(pattern, names, 3, 0.3)
    ]
    return ", ".join(dict.fromkeys(near or [convolution.name for convolution, _ in usable[:3]]))


def part_of(convolution: Selectable) -> str:
    """``'backbone'``, what a classification network brings along, or ``'head'``, what a task adds to it.

    GluonCV writes the backbone's name into the names of its layers, before their own.
    """
    return "backbone" if BACKBONE.search(convolution.prefix) else "head"


def stages_of(convolutions: Sequence[Selectable]) -> list[int | None]:
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


def _named_stage(convolution: Selectable) -> int | None:
    found = STAGE.search(convolution.prefix) or STAGE.search(convolution.name)
    return int(found.group(1)) if found else None


def _matches(patterns: Iterable[str], convolution: Selectable) -> bool:
    return any(
        re.search(pattern, name) for pattern in patterns for name in (convolution.name, convolution.prefix)
    )
