"""What Pillow and SciPy have removed, against NumPy and against the name it goes by today."""

from gluon_doconv.compat import removed

import numpy as np
from PIL import Image
from scipy import interpolate


def bilinear(z, x, y):
    """The value at one point of a grid whose points are 0.5, 1.5 and so on; beyond it, 0."""
    rows, columns = z.shape
    if not (0.5 <= x <= columns - 0.5 and 0.5 <= y <= rows - 0.5):
        return 0.0
    row, column = min(int(y - 0.5), rows - 2), min(int(x - 0.5), columns - 2)
    v, u = y - 0.5 - row, x - 0.5 - column
    corners = z[row : row + 2, column : column + 2]
    return np.array([1 - v, v]) @ corners @ np.array([1 - u, u])


def test_a_mask_is_interpolated():
    z = np.random.RandomState(0).rand(5, 7)
    x, y = np.linspace(-1, 9, 23), np.linspace(-1, 7, 17)
    former = vars(interpolate).get("interp2d")
    undo = removed.interp2d()
    found = interpolate.interp2d(np.arange(0.5, 7.5), np.arange(0.5, 5.5), z, fill_value=0.0)(x, y)
    undo()
    np.testing.assert_allclose(found, [[bilinear(z, column, row) for column in x] for row in y], atol=1e-12)
    assert (found == 0).any() and vars(interpolate).get("interp2d") is former


def test_beyond_the_grid_the_edge_goes_on():
    values = removed.Interp2D([0, 1], [0, 1, 2], [[1, 2], [3, 4], [5, 6]])([9, -9], [-9, 1])
    np.testing.assert_allclose(values, [[1, 2], [3, 4]], atol=1e-12)  # SciPy sorts the points


def test_antialias_is_lanczos():
    had = hasattr(Image, "ANTIALIAS")
    undo = removed.antialias()
    assert Image.ANTIALIAS == Image.LANCZOS
    undo()
    assert hasattr(Image, "ANTIALIAS") == had


def test_a_box_without_an_inside_is_no_reason_to_stop():
    values = removed.Interp2D([0, 1], [0, 1], [[1, 2], [3, 4]], fill_value=0.0)(
        [-np.inf, np.inf], [np.nan, np.nan]
    )
    assert values.shape == (2, 2) and not (values >= 0.5).any()
