"""What D has done to the kernels of a checkpoint, as pictures."""

from __future__ import annotations

from pathlib import Path
from typing import Callable

from ...disk.atomic import temporary_folder
from ..figures.kernels import draw_heat_maps, draw_kernels, read_layers
from .parts import Picture

MOST_LAYERS = 7


def pictures(checkpoint: Path | None) -> list[Picture]:
    """Draw heat maps of a few layers, and the kernels that D has moved most; nothing without a checkpoint.

    Raises
    ------
    DOConvError
        If the checkpoint is damaged, or has no D.
    """
    if checkpoint is None or not checkpoint.is_file():
        return []
    layers = read_layers(checkpoint, most=MOST_LAYERS)
    most = max(layers, key=lambda layer: layer.relative)
    shares = ", ".join(f"{layer.name} {layer.relative:.1%}" for layer in layers)
    return [
        Picture(
            _png(lambda path: draw_heat_maps(layers, path, "")),
            f"How far D has moved the kernels of {checkpoint.name}, in some layers, first to last: "
            "H = Σ|W′ − W| at each position of the kernel, brighter where it is larger; below each map its "
            "sum, relative to Σ|W|.",
            f"Heat maps of H; Σ|W′ − W| relative to Σ|W|: {shares}.",
        ),
        Picture(
            _png(lambda path: draw_kernels([most], path, "")),
            f"{most.name}, of these the layer that D has moved most: some kernels before (W) and after folding "
            "(W′), and some of the matrices D. Brighter is larger; W and W′ are on one scale.",
            f"Kernels W, D, D − I and W′ of {most.name} as grey tiles, and its heat map H.",
        ),
    ]


def _png(draw: Callable[[Path], None]) -> bytes:
    with temporary_folder() as folder:
        draw(folder / "picture.png")
        return (folder / "picture.png").read_bytes()
