"""Draw the README's picture of kernel composition, light and dark: ``python docs/images/draw_composition.py``.

Every shade is a number: W and D′ are drawn at random once, W′ is what they compose to. A sheet is one input
channel, in which composition is a plain product of matrices.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Iterator, Tuple

from gluon_doconv.core.kernel import compose, identity

import matplotlib
import numpy as np
from matplotlib.collections import PolyCollection
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

HERE = Path(__file__).resolve().parent
WIDTH, HEIGHT = 800, 420  # units of the picture, which are pixels where it is shown in full
C_OUT, C_IN, M, N = 4, 3, 3, 3
D_MUL = M * N
MIDDLE = 168  # height of the middle of all three arrays
CELL, TILE_CELL, TILE_GAP = 17, 13, 8
NAMES = ("$W$", r"$(D' + I)^\mathsf{T}$", "$W'$")
SHAPES = (
    r"$C_\mathrm{out} \times C_\mathrm{in} \times D_\mathrm{mul}$",
    r"$D$:  $M{\cdot}N \times D_\mathrm{mul} \times C_\mathrm{in}$",
    r"$C_\mathrm{out} \times C_\mathrm{in} \times M \times N$",
)
FORMULA = r"$W' = W \cdot (D' + I)^\mathsf{T}$  for every input channel"
REPRODUCIBLE = {"svg.fonttype": "path", "svg.hashsalt": "gluon_doconv", "mathtext.fontset": "cm"}

Point = Tuple[float, float]


@dataclass(frozen=True)
class Theme:
    """Colours of text, of a cell that holds the least, and of one that holds the most, by input channel."""

    text: str
    muted: str
    empty: str
    channels: tuple[str, str, str]


THEMES = {
    "light": Theme("#1f2328", "#59636e", "#ffffff", ("#1f6feb", "#d9730d", "#12876a")),
    "dark": Theme("#f0f6fc", "#a3adb8", "#0d1117", ("#58a6ff", "#ffa657", "#3fc798")),
}


def main() -> None:
    """Write ``composition-light.svg`` and ``composition-dark.svg`` beside this file."""
    for name in THEMES:
        draw(name, HERE / f"composition-{name}.svg")


def draw(theme_name: str, path: Path) -> None:
    """Write the picture in one of :data:`THEMES` as SVG, the same bytes every time."""
    picture = Picture(THEMES[theme_name])
    weight, d = trained_arrays()
    total = d + identity(M * N, D_MUL)[:, :, None]
    with matplotlib.rc_context(REPRODUCIBLE):
        picture.matrices(weight.reshape(C_OUT, C_IN, D_MUL).transpose(1, 0, 2), (46, 151))
        picture.matrices(total.transpose(2, 1, 0), (302, 108))
        picture.kernels(compose(weight, d, (M, N)), (596, 78))
        picture.words()
        picture.figure.savefig(path, format="svg", transparent=True, metadata={"Date": None, "Creator": None})


def trained_arrays() -> tuple[np.ndarray, np.ndarray]:
    """A W of shape (C_out, C_in, M, N) and a small D′ of shape (M·N, D_mul, C_in), as after training."""
    random = np.random.RandomState(7)
    weight = random.uniform(-1, 1, (C_OUT, C_IN, M, N))
    return weight, random.normal(0, 0.16, (M * N, D_MUL, C_IN))


class Picture:
    """The canvas: x to the right, y down, from the upper left corner."""

    def __init__(self, theme: Theme) -> None:
        self.theme = theme
        self.figure = Figure(figsize=(WIDTH / 72, HEIGHT / 72))
        self.axes = self.figure.add_axes((0, 0, 1, 1), xlim=(0, WIDTH), ylim=(HEIGHT, 0))
        self.axes.set_axis_off()

    def matrices(self, sheets: np.ndarray, corner: Point) -> None:
        """A matrix for every input channel, (C_in, rows, columns), the first in front at ``corner``."""
        shares = _shares(sheets)
        for channel in reversed(range(C_IN)):
            x, y = corner[0] + channel * CELL, corner[1] - channel * CELL
            self._cells(shares[channel], (x, y), CELL, channel, covered=channel > 0)

    def kernels(self, kernels: np.ndarray, corner: Point) -> None:
        """An M×N kernel for every output channel, downwards, and every input channel, to the right."""
        step = M * TILE_CELL + TILE_GAP
        for (output, channel), tile in zip(np.ndindex(C_OUT, C_IN), _shares(kernels).reshape(-1, M, N)):
            self._cells(tile, (corner[0] + channel * step, corner[1] + output * step), TILE_CELL, channel)

    def words(self) -> None:
        """Titles, names and shapes, what is done with what, and the formula of it all."""
        for (left, right), title in zip(((46, 489), (580, 744)), ("trained", "deployed")):
            self._text((left + right) / 2, 28, title, 26)
            self.axes.plot((left, right), (54, 54), color=self.theme.muted, linewidth=1.2)
        for x, name, shape in zip((139, 395, 662), NAMES, SHAPES):
            self._text(x, 304, name, 32)
            self._text(x, 341, shape, 26, self.theme.muted)
        self._text(267, MIDDLE, r"$\cdot$", 50)
        self._text(540, MIDDLE - 22, "fold", 24)
        arrow = {"arrowstyle": "-|>", "color": self.theme.text, "linewidth": 2, "mutation_scale": 24}
        self.axes.annotate("", (572, MIDDLE), (508, MIDDLE), arrowprops=arrow)
        self._text(WIDTH / 2, 393, FORMULA, 28)

    def _cells(
        self, shares: np.ndarray, corner: Point, side: float, channel: int, covered: bool = False
    ) -> None:
        rows, columns = shares.shape
        empty, full = (np.array(to_rgb(color)) for color in (self.theme.empty, self.theme.channels[channel]))
        seen = [(r, c) for r, c in np.ndindex(rows, columns) if not covered or r == 0 or c == columns - 1]
        self.axes.add_collection(
            PolyCollection(
                [list(_square(corner[0] + c * side, corner[1] + r * side, side)) for r, c in seen],
                facecolors=[empty + shares[place] * (full - empty) for place in seen],
                edgecolors=self.theme.channels[channel],
                linewidths=0.7,
                clip_on=False,
            )
        )

    def _text(self, x: float, y: float, text: str, size: float, color: str | None = None, **style: Any) -> None:
        self.axes.text(x, y, text, size=size, color=color or self.theme.text, ha="center", va="center", **style)


def _shares(values: np.ndarray) -> np.ndarray:
    """Each value as a share of the way from the least to the most."""
    return (values - values.min()) / np.ptp(values)


def _square(x: float, y: float, side: float) -> Iterator[Point]:
    for right, down in ((0, 0), (1, 0), (1, 1), (0, 1)):
        yield x + right * side, y + down * side


if __name__ == "__main__":
    main()
