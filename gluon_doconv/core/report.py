"""What became of the convolutions of a network, one by one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Sequence

from tabulate import tabulate


@dataclass(frozen=True)
class LayerReport:
    """Say what became of one convolution: changed (to a DO-Conv kind, or to plain), or left alone and why."""

    name: str
    kind: str
    kernel_size: tuple[int, ...]
    skipped: str | None = None


@dataclass(frozen=True)
class Report:
    """Say what :func:`~gluon_doconv.over_parameterize` or :func:`~gluon_doconv.fold` did. Print it."""

    title: str
    layers: Sequence[LayerReport]

    @property
    def changed(self) -> list[str]:
        """Structural names of the convolutions that were changed."""
        return [layer.name for layer in self.layers if layer.skipped is None]

    @property
    def skipped(self) -> dict[str, str]:
        """Structural names of the others, with the reason."""
        return {layer.name: layer.skipped for layer in self.layers if layer.skipped is not None}

    def __str__(self) -> str:
        rows = [
            (layer.name, "×".join(map(str, layer.kernel_size)), layer.skipped or layer.kind)
            for layer in self.layers
        ]
        table = tabulate(rows, headers=["layer", "kernel", self.title])
        return f"{table}\n{self.title}: {len(self.changed)} of {len(self.layers)} convolutions"
