"""The pictures of the small data sets: exact masks, no digit in two parts, the same for the same seed."""

from gluon_doconv import DOConvError
from gluon_doconv.lab import datasets
from gluon_doconv.lab.datasets.scenes import PARTS, Plan

import numpy as np
import pytest


def test_boxes_and_masks_fit_the_digits():
    for scene in Plan(60, (96, 128), 1).scenes("train"):
        assert scene.image.dtype == np.uint8 and scene.image.shape == (96, 128, 3) and scene.things
        assert sum(thing.mask.astype(int) for thing in scene.things).max() == 1
        for thing in scene.things:
            left, top, right, bottom = thing.box
            assert right - left >= 2 and bottom - top >= 2
            assert thing.mask[top:bottom, left:right].sum() == thing.mask.sum() > 0
            assert thing.mask[top].any() and thing.mask[bottom - 1].any()
            assert thing.mask[:, left].any() and thing.mask[:, right - 1].any()


@pytest.mark.parametrize("kind", ["scenes", "portraits"])
def test_no_digit_is_in_two_parts(kind):
    seen = {
        part: {
            thing.drawing.tobytes()
            for scene in getattr(Plan(200, (32, 32), 0), kind)(part)
            for thing in scene.things
        }
        for part in PARTS
    }
    assert all(seen.values())
    assert not (seen["train"] & seen["val"] or seen["train"] & seen["test"] or seen["val"] & seen["test"])


def test_more_images_begin_with_the_same_ones():
    few, many = (list(Plan(count, (48, 64), 0).scenes("train")) for count in (3, 6))
    assert all((a.image == b.image).all() for a, b in zip(few, many))


def test_only_the_digits_asked_for_occur():
    few = [
        thing.digit for scene in Plan(30, (48, 64), 0, digits=(2, 7)).scenes("train") for thing in scene.things
    ]
    assert set(few) == {2, 7}


@pytest.mark.parametrize("digits", [(), (3, 10)])
def test_digits_that_do_not_exist_are_refused(tmp_path, digits):
    with pytest.raises(DOConvError, match="from 0 to 9"):
        datasets.write("coco", tmp_path / "new", 1, (64, 64), digits=digits)
    assert not (tmp_path / "new").exists()
