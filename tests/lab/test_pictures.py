"""Pictures of predictions: the digits' colours can be told apart, and what is written on them can be read."""

from itertools import combinations

from gluon_doconv.lab.demos import pictures

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from skimage.color import deltaE_ciede2000, rgb2lab

CLEARLY = 25  # in CIEDE2000: 1 is what a trained eye just tells apart


def lab(color):
    return rgb2lab(np.array([[to_rgb(color)]]))[0, 0]


@pytest.mark.parametrize(("one", "other"), list(combinations(range(10), 2)))
def test_no_two_digits_have_colours_near_each_other(one, other):
    assert deltaE_ciede2000(lab(pictures.COLORS[one]), lab(pictures.COLORS[other])) > CLEARLY


@pytest.mark.parametrize("color", pictures.COLORS)
def test_numbers_can_be_read_on_every_colour(color):
    text = pictures._readable_on(color)
    assert abs(lab(text)[0] - lab(color)[0]) > 35


def test_each_digit_has_one_colour_in_its_boxes_and_in_the_legend(tmp_path, monkeypatch):
    figures = []
    monkeypatch.setattr(pictures, "save", lambda figure, path: figures.append(figure))
    digits = np.arange(10)
    boxes = pictures.Boxes(np.tile([2, 2, 20, 20], (10, 1)), digits, np.full(10, 0.5))
    pictures.draw_boxes([np.zeros((32, 32, 3), "uint8")], [[boxes] * 3], tmp_path / "p.png", "title")
    (figure,) = figures
    legend = {text.get_text(): patch.get_facecolor() for text, patch in legend_entries(figure)}
    for axes in figure.axes[1:4]:
        drawn = dict(
            zip((text.get_text()[0] for text in axes.texts), (p.get_edgecolor() for p in axes.patches))
        )
        assert drawn == legend
    assert len(set(legend.values())) == 10


def legend_entries(figure):
    (legend,) = figure.legends
    return zip(legend.get_texts(), legend.get_patches())
