"""What Pillow and SciPy have removed and GluonCV uses, given back where it is missing."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..monkeypatch import Undo, when_imported


def antialias() -> Undo:
    """Pillow 10 has removed ``Image.ANTIALIAS``, which is LANCZOS and scales KITTI's images."""
    return when_imported("PIL.Image", _give_antialias)


def interp2d() -> Undo:
    """SciPy 1.14 has left of ``interp2d``, by which masks are pasted into images, a name that raises."""
    return when_imported("scipy.interpolate", _give_interp2d)


def _give_antialias(image: Any) -> Undo:
    if hasattr(image, "ANTIALIAS"):
        return lambda: None
    image.ANTIALIAS = image.LANCZOS
    return lambda: delattr(image, "ANTIALIAS")


def _give_interp2d(interpolate: Any) -> Undo:
    removed = interpolate.interp2d
    try:
        removed([0, 1], [0, 1], [[0, 0], [0, 0]])
    except NotImplementedError:
        interpolate.interp2d = Interp2D
    return lambda: setattr(interpolate, "interp2d", removed)


class Interp2D:
    """Linear interpolation of values on a grid, as SciPy's ``interp2d`` did it by default.

    Parameters
    ----------
    x, y : (N,) and (M,), increasing
    z : (M, N), the values
    fill_value : beyond the grid; None is the value at its edge
    """

    def __init__(self, x: Any, y: Any, z: Any, *, fill_value: float | None = None) -> None:
        from scipy.interpolate import RectBivariateSpline

        self._x, self._y, self._fill = np.asarray(x), np.asarray(y), fill_value
        spline = RectBivariateSpline(self._x, self._y, np.asarray(z).T, kx=1, ky=1)
        self._knots = (*spline.tck, *spline.degrees)

    def __call__(self, x: Any, y: Any) -> np.ndarray:
        """Interpolate at each of ``x`` (K,) and ``y`` (L,), which are sorted first: (L, K)."""
        from scipy.interpolate import bisplev

        x, y = np.sort(x), np.sort(y)
        values = np.atleast_2d(bisplev(x, y, self._knots)).T  # which takes NaN, as an empty box has it
        if self._fill is not None:
            values[_beyond(y, self._y)] = values[:, _beyond(x, self._x)] = self._fill
        return values


def _beyond(points: np.ndarray, grid: np.ndarray) -> np.ndarray:
    return (points < grid[0]) | (points > grid[-1])
