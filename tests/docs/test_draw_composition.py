"""The README's picture is what its script draws, byte by byte."""

import importlib
from pathlib import Path

import matplotlib
import pytest

IMAGES = Path(__file__).resolve().parents[2] / "docs" / "images"


@pytest.fixture
def script(monkeypatch):
    monkeypatch.syspath_prepend(str(IMAGES))
    return importlib.import_module("draw_composition")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_drawing_again_gives_the_same_bytes(script, theme, tmp_path):
    for name in ("once.svg", "again.svg"):
        script.draw(theme, tmp_path / name)
    assert (tmp_path / "once.svg").read_bytes() == (tmp_path / "again.svg").read_bytes()


@pytest.mark.skipif(not matplotlib.__version__.startswith("3.10."), reason="drawn by matplotlib 3.10")
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_picture_in_the_repository_is_the_one_drawn_today(script, theme, tmp_path):
    script.draw(theme, tmp_path / "today.svg")
    assert (tmp_path / "today.svg").read_bytes() == (IMAGES / f"composition-{theme}.svg").read_bytes()
