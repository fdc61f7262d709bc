"""What to make of the networks that GluonCV builds, and what has been made of them so far."""

from __future__ import annotations

from dataclasses import dataclass, field

from mxnet.gluon import Block

from ..core.config import DOConvConfig
from ..core.convert import over_parameterize_selected
from ..core.convolutions import find_convolutions


@dataclass(frozen=True)
class ConvertedNetwork:
    """A network that was given DO-Conv: its name, its DO-Conv convolutions, and all its convolutions."""

    name: str
    doconv: int
    convolutions: int


@dataclass
class Trainings:
    """What Trainers were given: one kernel of each plain one, by name, and whether any had a D."""

    plain: list[str] = field(default_factory=list)
    doconv: bool = False


@dataclass(frozen=True)
class Converter:
    """Which convolutions become DO-Conv, and how; ``built`` lists the networks in which they have.

    ``within`` is what is in force around this.
    """

    config: DOConvConfig
    built: list[ConvertedNetwork] = field(default_factory=list, compare=False)
    within: Converter | None = field(default=None, compare=False, repr=False)
    trainings: Trainings = field(default_factory=Trainings, compare=False, repr=False)

    def __call__(self, net: Block) -> None:
        """Over-parameterize ``net`` in place; what of it is DO-Conv already stays as it is.

        What has no spatial convolution, as int8 networks or pointwise pieces, is left alone and not listed.

        Raises
        ------
        DOConvError
            If the selection matches nothing in ``net``, which is then as it was.
        """
        convolutions = find_convolutions(net)
        if all(convolution.obstacle for convolution in convolutions):
            return
        over_parameterize_selected(net, convolutions, self.config)
        name = net.name or type(net).__name__  # GluonCV gives some networks an empty name
        doconv = sum(convolution.d is not None for convolution in convolutions)
        self.add(ConvertedNetwork(name, doconv, len(convolutions)))

    def add(self, network: ConvertedNetwork) -> None:
        """List a network among those that have been built, here and in the block around this one."""
        self.built.append(network)
        if self.within is not None:
            self.within.add(network)
