"""Figure 6: W, D, W′ and the heat map H = Σ|W′ − W| of every DO-Conv layer in a checkpoint."""

from __future__ import annotations

import os
import re
from copy import copy
from dataclasses import dataclass
from math import ceil, sqrt
from typing import Sequence

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes

from ...core import kernel, names
from ...errors import DOConvError
from ...files.fold import Pair, find_pairs
from ...files.params import Arrays, read_params
from . import canvas

SHOWN_CHANNELS = 8  # of W and W′, of each kind: more than 8 × 8 kernels cannot be told apart
SHOWN_MATRICES = 9  # of D, one an input channel
BETWEEN_TILES = "#8fb3d9"
MOST_NUMBERS = 25  # that are written into a heat map
COLUMNS = ("W", "D", "D − I", "W′", "H = Σ|W′ − W|")
HEAT_MAPS_A_ROW = 7


@dataclass(frozen=True)
class Layer:
    """The arrays of one layer, float64: W, the stored D′ = D − I, W′ and H, shaped as in kernel.py."""

    name: str
    weight: np.ndarray
    d: np.ndarray
    folded: np.ndarray
    heat: np.ndarray

    @property
    def relative(self) -> float:
        """Σ|W′ − W| as a share of Σ|W|: how far D has moved the kernel."""
        return float(self.heat.sum() / max(np.abs(self.weight).sum(), np.finfo(float).tiny))


def read_layers(checkpoint: str | os.PathLike, pattern: str = "", most: int | None = None) -> list[Layer]:
    """Read the DO-Conv layers of a ``.params`` file (``save_parameters`` or ``export``), in the file's order.

    Parameters
    ----------
    checkpoint : path
    pattern : regular expression that the layers' names have to contain
    most : how many of them at most, the first, the last, and others evenly between them; by default all

    Raises
    ------
    DOConvError
        If the file cannot be read, has no DO-Conv layer, or none that matches.
    """
    arrays = read_params(checkpoint)
    pairs = find_pairs(arrays)
    if not pairs:
        raise DOConvError(f"{checkpoint} has no D beside any weight: there is nothing to compare W with")
    chosen = [pair for pair in pairs if re.search(pattern, _name(pair))]
    if not chosen:
        known = ", ".join(_name(pair) for pair in pairs[:5])
        raise DOConvError(f"no DO-Conv layer of {checkpoint} matches {pattern!r}; there are {known} …")
    if most is not None and most < len(chosen):
        chosen = [chosen[i] for i in np.linspace(0, len(chosen) - 1, most).round().astype(int)]
    return [_layer(pair, arrays) for pair in chosen]


def _name(pair: Pair) -> str:
    """Without the ``arg:`` that exported files have."""
    return names.without_kind(pair.layer)


def _layer(pair: Pair, arrays: Arrays) -> Layer:
    weight, d = (arrays[name].asnumpy().astype("float64") for name in (pair.weight, pair.d))
    if pair.kernel_size is None:
        raise DOConvError(
            f"{_name(pair)}: a D of shape {d.shape}, as in files of former versions, does not tell M and N; "
            "load this one into its network by load_parameters and save that, or choose other layers"
        )
    d = d.reshape(-1, *d.shape[-2:])
    folded = kernel.compose(weight, d, pair.kernel_size)
    return Layer(_name(pair), weight, d, folded, kernel.heat_map(weight, d, pair.kernel_size))


def draw_kernels(layers: Sequence[Layer], path: str | os.PathLike, title: str) -> None:
    """Draw a row for each layer: W, D, D − I, W′ and H, brighter where it is larger (PNG).

    W and W′ are on one scale, the others each on its own. Drawn are the kernels of the first 8 input and output
    channels, and the matrices of the first 9 input channels.
    """
    figure, rows = canvas.grid(len(layers), len(COLUMNS), 11, 2.1 * len(layers) + 0.8)
    for axes, layer in zip(rows, layers):
        _draw_row(axes, layer)
    for ax, column in zip(rows[0], COLUMNS):
        ax.set_title(column)
    figure.suptitle(title, fontsize=11)
    canvas.save(figure, path)


def draw_heat_maps(layers: Sequence[Layer], path: str | os.PathLike, title: str) -> None:
    """Draw H of every layer side by side, as in Figure 6 (B), with Σ|W′ − W| / Σ|W| (PNG)."""
    columns = min(len(layers), HEAT_MAPS_A_ROW)
    rows = ceil(len(layers) / columns)
    figure, grid = canvas.grid(rows, columns, 1.7 * columns + 0.4, 2.0 * rows + 0.8)
    canvas.hide_from(len(layers), grid)
    for ax, layer in zip(grid.flat, layers):
        _show_heat_map(ax, _flat(layer.heat))
        ax.set_title(layer.name, fontsize=8)
        ax.set_xlabel(f"{layer.relative:.1%}", fontsize=8)
    figure.suptitle(title, fontsize=11)
    canvas.save(figure, path)


def _draw_row(axes: Sequence[Axes], layer: Layer) -> None:
    patch, d_mul, _ = layer.d.shape
    identity = kernel.identity(patch, d_mul)
    matrices = layer.d.transpose(2, 0, 1)[:SHOWN_MATRICES]
    weight, folded = _tiles(_shown_kernels(layer.weight)), _tiles(_shown_kernels(layer.folded))
    scale = np.nanmin([np.nanmin(weight), np.nanmin(folded)]), np.nanmax([np.nanmax(weight), np.nanmax(folded)])
    _show(axes[0], weight, *scale)
    _show(axes[1], _tiles(matrices + identity))
    _show(axes[2], _tiles(matrices))
    _show(axes[3], folded, *scale)
    _show_heat_map(axes[4], _flat(layer.heat))
    axes[0].set_ylabel(f"{layer.name}\n{_shape(layer)}", fontsize=8)


def _shown_kernels(weight: np.ndarray) -> np.ndarray:
    """(K, M, N): the first channels of each kind, or where a kernel has few, as many kernels in all."""
    wide = weight.shape[1] >= SHOWN_CHANNELS
    chosen = weight[:SHOWN_CHANNELS, :SHOWN_CHANNELS] if wide else weight
    return chosen.reshape(-1, *weight.shape[2:])[: SHOWN_CHANNELS**2]


def _tiles(images: np.ndarray) -> np.ndarray:
    """Images (K, …) as one image, as nearly a square as they go, NaN between them."""
    flat = np.array([_flat(image) for image in images])
    columns = ceil(sqrt(len(flat)))
    rows = ceil(len(flat) / columns)
    missing = rows * columns - len(flat)
    framed = np.pad(flat, [(0, missing), (0, 1), (0, 1)], constant_values=np.nan)
    height, width = framed.shape[1:]
    grid = framed.reshape(rows, columns, height, width).transpose(0, 2, 1, 3)
    return grid.reshape(rows * height, columns * width)[:-1, :-1]


def _flat(kernel_: np.ndarray) -> np.ndarray:
    """A kernel of one, two or three spatial axes as an image; the slices of a third lie side by side."""
    if kernel_.ndim == 3:
        return np.concatenate(list(kernel_), axis=1)
    return np.atleast_2d(kernel_)


def _show(ax: Axes, image: np.ndarray, darkest: float | None = None, brightest: float | None = None) -> None:
    colors = copy(colormaps["gray"])
    colors.set_bad(BETWEEN_TILES)
    ax.imshow(image, cmap=colors, vmin=darkest, vmax=brightest, interpolation="nearest")
    ax.set(xticks=[], yticks=[])
    for spine in ax.spines.values():
        spine.set_visible(False)


def _show_heat_map(ax: Axes, heat: np.ndarray) -> None:
    """From the least to the most, as in the paper; the numbers say how far apart these are."""
    ax.imshow(heat, cmap="magma", interpolation="nearest")
    ax.set(xticks=[], yticks=[])
    if heat.size > MOST_NUMBERS:
        return
    middle = (heat.max() + heat.min()) / 2
    for (row, column), value in np.ndenumerate(heat):
        color = "black" if value > middle else "white"
        ax.text(column, row, f"{value:.2g}", color=color, fontsize=7, ha="center", va="center")


def _shape(layer: Layer) -> str:
    return "×".join(map(str, layer.folded.shape))
