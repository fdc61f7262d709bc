"""The scores of segmentation and detection; whole runs in small learn nothing that could test them."""

from gluon_doconv.lab import datasets
from gluon_doconv.lab.demos import detection
from gluon_doconv.lab.demos.backbone import DataSets

import numpy as np
import pytest
from pycocotools.coco import COCO
from small_demos import CASES, FEW, IMAGES, SIZE, VOC_CLASSES, coco_rows, overlaps, precisions, voc_validation


def test_overlaps_are_those_of_plain_counting(tmp_path):
    job = CASES["segmentation"].job
    scenes = datasets.write("voc", tmp_path / "voc", 4 * IMAGES, (SIZE, SIZE), 0, FEW)
    _, masks = voc_validation(scenes)
    assert set(np.unique(masks)) == {*VOC_CLASSES, 255}
    found = np.where(masks == 255, 0, masks)
    found[:, : SIZE // 3] = 0  # misses some
    found[:, :, : SIZE // 4] = 7  # and invents others
    outputs = [(np.eye(21, dtype="float32")[mask].transpose(2, 0, 1)[None],) for mask in found]
    overlap, accuracy = overlaps(masks, found, VOC_CLASSES)
    assert 0.1 < overlap < 0.9
    assert job.validation(DataSets(tmp_path, scenes)).score(outputs) == pytest.approx(
        {"mIoU": overlap, "pixel accuracy": accuracy}
    )


# GluonCV takes the mean of the precisions of each of 80 classes, also of those without an object.
@pytest.mark.filterwarnings("ignore:(Mean of empty slice|invalid value):RuntimeWarning")
def test_precisions_are_those_of_pycocotools(tmp_path):
    job = CASES["detection"].job
    scenes = datasets.write("coco", tmp_path / "coco", 4 * IMAGES, (SIZE, SIZE))
    truth = COCO(str(scenes / "annotations" / "instances_val2017.json"))
    random = np.random.default_rng(0)
    outputs, rows = [], []
    for number in sorted(truth.getImgIds()):
        things = truth.imgToAnns[number]
        boxes = np.array([thing["bbox"] for thing in things])
        boxes[:, 2:] += boxes[:, :2] - 1
        boxes = (boxes + random.normal(0, 2, boxes.shape)).astype("float32")
        classes = [detection.IDS.index(thing["category_id"]) for thing in things]
        scores = random.uniform(0, 1, len(things)).astype("float32")
        output = tuple(np.asarray(part, "float32")[None] for part in (np.c_[classes], scores[:, None], boxes))
        outputs.append(output)
        rows.extend(coco_rows(number, output, SIZE, at_least=0.05))
    expected = precisions(truth, rows)
    assert 0.1 < expected["AP"] < 0.9
    assert job.validation(DataSets(tmp_path, scenes)).score(outputs) == pytest.approx(expected)


def test_detections_that_count_are_compared_in_an_order_of_their_own():
    one, two, faint = [3, 0.9, 1, 2, 30, 40], [3, 0.8, 5, 2, 30, 40], [1, 0.01, 0, 0, 9, 9]
    nothing = [-1, -1, -1, -1, -1, -1]
    this, that = (np.array([rows], "float32") for rows in ([one, two, faint], [two, one, nothing]))
    a, b = (detection._counted([(rows[..., :1], rows[..., 1:2], rows[..., 2:])]) for rows in (this, that))
    np.testing.assert_array_equal(a[0][0], b[0][0])
    np.testing.assert_array_equal(a[0][0], np.array([one, two], "float32"))
