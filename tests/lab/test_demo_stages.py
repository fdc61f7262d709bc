"""The demos of two stages in small: segmentation and detection, both networks, every output."""

from __future__ import annotations

import json
from types import ModuleType
from typing import NamedTuple

from gluon_doconv.cli import main
from gluon_doconv.lab.datasets import ALL_DIGITS
from gluon_doconv.lab.demos import detection, segmentation
from gluon_doconv.lab.demos.pretraining import MEAN, STD, Stage
from gluon_doconv.lab.demos.two_stages import TwoStages, building, data_set

import mxnet as mx
import numpy as np
import pytest
from click.testing import CliRunner
from gluoncv.model_zoo.segbase import get_segmentation_model
from PIL import Image
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

SIZE = 64
IMAGES = 8
WRITTEN = {
    *("plain.params", "do-conv.params", "folded.params", "folded-symbol.json", "folded-0000.params"),
    *("folded.onnx", "curves.png", "predictions.png", "results.json", "results.md", "weights", "data"),
}


VOC_CLASSES = (0, 1, 2, 5)  # background, and the digits 0, 1 and 4


class Case(NamedTuple):
    """A demo, its job in small, in how many layers there is a D, and in which of them it has nothing to do."""

    module: ModuleType
    job: TwoStages
    layers: int
    idle: set[str]


CASES = {
    "segmentation": Case(
        segmentation,
        segmentation.Segmentation(
            segmentation.Recipe(
                images=IMAGES,
                epochs=1,
                size=SIZE,
                batch_size=2,
                classification=Stage("resnet50_v1s", images=16, size=32, epochs=1, batch_size=8),
            )
        ),
        23,
        set(),
    ),
    "detection": Case(
        detection,
        detection.Detection(
            detection.Recipe(
                images=IMAGES,
                epochs=1,
                size=SIZE,
                batch_size=4,
                channels=16,
                classification=Stage("resnet18_v1b", images=16, size=32, epochs=1, batch_size=8),
            )
        ),
        23,
        {
            f"features.P{level}_conv1_D" for level in (4, 5, 6)
        },  # no anchor of theirs fits into so small an image
    ),
}


@pytest.fixture(scope="module", params=CASES)
def finished(request, tmp_path_factory):
    """A whole run: the case, its folder, what it said."""
    case = CASES[request.param]
    output = tmp_path_factory.mktemp(request.param)
    return case, output, case.module.run(output, case.job.recipe)


def results(output):
    return json.loads((output / "results.json").read_text())


def test_everything_promised_is_written(finished):
    case, output, said = finished
    assert {path.name for path in output.iterdir()} == WRITTEN
    assert all(
        (output / f"{name}.png").read_bytes().startswith(b"\x89PNG") for name in ("curves", "predictions")
    )
    assert (output / "results.md").read_text() == f"{said}\n"
    assert {"python", "mxnet", "gluoncv", "numpy", "gluon_doconv"} == set(results(output)["versions"])
    assert case.job.decisive in said and "one seed" in said


def test_training_moved_every_d(finished):
    case, output, _ = finished
    arrays = mx.nd.load(str(output / "do-conv.params"))
    ds = {name: array.asnumpy() for name, array in arrays.items() if name.endswith((".D", "_D"))}
    assert len(ds) == case.layers
    assert {name for name, d in ds.items() if not np.abs(d).max() > 0} == case.idle


def test_the_folded_network_is_the_trained_one(finished):
    _, output, _ = finished
    found = results(output)
    deployed = found["deployed"]
    assert deployed["folded_difference"] == 0 and deployed["symbol_difference"] == 0
    assert deployed["onnx_difference"] < 1e-5 * deployed["scale"]
    assert deployed["parameters"] == found["trained"]["plain"]["parameters"]
    assert deployed["parameters"] < found["trained"]["DO-Conv"]["parameters"]
    last = found["trained"]["DO-Conv"]["history"]
    assert deployed["scores"] == {name: last[name][-1] for name in deployed["scores"]}


def normalized(path):
    pixels = np.asarray(Image.open(path).convert("RGB"), dtype="float64") / 255
    return ((pixels - MEAN) / STD).astype("float32").transpose(2, 0, 1)[None]


def overlaps(truth, found, classes):
    """Mean intersection over union of these classes, and pixel accuracy; 255 counts for nothing."""
    truth, found = truth[truth != 255], found[truth != 255]
    shares = []
    for number in classes:
        a, b = truth == number, found == number
        shares.append((a & b).sum() / max((a | b).sum(), 1))
    return np.mean(shares), (truth == found).mean()


def voc_validation(folder):
    root = folder / "VOC2012"
    names = (root / "ImageSets" / "Segmentation" / "val.txt").read_text().split()
    images = [normalized(root / "JPEGImages" / f"{name}.jpg") for name in names]
    masks = [np.asarray(Image.open(root / "SegmentationClass" / f"{name}.png")) for name in names]
    return images, np.stack(masks)


def precisions(truth, found):
    """What pycocotools says of detections: rows of image, left, top, width, height, score, category."""
    evaluation = COCOeval(truth, truth.loadRes(np.array(found)), "bbox")
    evaluation.evaluate()
    evaluation.accumulate()
    evaluation.summarize()
    return dict(zip(detection.SCORES, evaluation.stats[:6]))


def coco_rows(image, outputs, size, at_least):
    classes, scores, boxes = (array[0] for array in outputs)
    for name, score, (left, top, right, bottom) in zip(classes[:, 0], scores[:, 0], boxes.clip(0, size - 1)):
        if name >= 0 and score >= at_least:
            category = detection.IDS[int(name)]
            yield [image, left, top, right - left + 1, bottom - top + 1, score, category]


def test_the_table_reports_what_stock_gluoncv_does(finished):
    case, output, said = finished
    deployed = results(output)["deployed"]
    (scenes,) = (output / "data").glob(f"{case.job.layout}-*")
    with case.job.mended():
        expected, scale = {"segmentation": segmented, "detection": detected}[scenes_name(case)](output, scenes)
    assert deployed["scores"] == pytest.approx(expected)
    assert deployed["scale"] == pytest.approx(scale)
    for name, value in expected.items():
        assert f"{name}, folded, in stock GluonCV" in said and (value < 0 or f"{value:.2%}" in said)


def scenes_name(case):
    return case.module.__name__.rsplit(".", 1)[-1]


def segmented(output, scenes):
    net = get_segmentation_model(
        "deeplab", dataset="pascal_voc", backbone="resnet50", aux=False, crop_size=SIZE, pretrained_base=False
    )
    net.load_parameters(str(output / "folded.params"))
    images, masks = voc_validation(scenes)
    outputs = [net(mx.nd.array(image))[0].asnumpy() for image in images]
    overlap, accuracy = overlaps(masks, np.concatenate(outputs).argmax(axis=1), VOC_CLASSES)
    return {"mIoU": overlap, "pixel accuracy": accuracy}, max(np.abs(scores).max() for scores in outputs)


def detected(output, scenes):
    net = CASES["detection"].job.build()
    net.load_parameters(str(output / "folded.params"))
    truth = COCO(str(scenes / "annotations" / "instances_val2017.json"))
    rows, scale = [], 0.0
    for number in sorted(truth.getImgIds()):
        image = normalized(scenes / "val2017" / truth.imgs[number]["file_name"])
        outputs = [array.asnumpy() for array in net(mx.nd.array(image))]
        scale = max(scale, *(np.abs(array).max() for array in outputs))
        rows.extend(coco_rows(number, outputs, SIZE, at_least=0.05))
    nothing = [number, 0, 0, 1, 1, 0, 1]
    return precisions(truth, rows or [nothing]), scale


# Whole runs in small learn nothing, so that the scores need tests of their own.


def test_overlaps_are_those_of_plain_counting(tmp_path):
    job = CASES["segmentation"].job
    scenes = data_set("voc", tmp_path, 4 * IMAGES, SIZE, 0, job.recipe.digits)
    _, masks = voc_validation(scenes)
    assert set(np.unique(masks)) == {*VOC_CLASSES, 255}
    found = np.where(masks == 255, 0, masks)
    found[:, : SIZE // 3] = 0  # misses some
    found[:, :, : SIZE // 4] = 7  # and invents others
    outputs = [(np.eye(21, dtype="float32")[mask].transpose(2, 0, 1)[None],) for mask in found]
    overlap, accuracy = overlaps(masks, found, VOC_CLASSES)
    assert 0.1 < overlap < 0.9
    assert job.validation(scenes).score(outputs) == pytest.approx({"mIoU": overlap, "pixel accuracy": accuracy})


def test_precisions_are_those_of_pycocotools(tmp_path):
    job = CASES["detection"].job
    scenes = data_set("coco", tmp_path, 4 * IMAGES, SIZE, 0, ALL_DIGITS)
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
    assert job.validation(scenes).score(outputs) == pytest.approx(expected)


def test_detections_that_count_are_compared_in_an_order_of_their_own():
    one, two, faint = [3, 0.9, 1, 2, 30, 40], [3, 0.8, 5, 2, 30, 40], [1, 0.01, 0, 0, 9, 9]
    nothing = [-1, -1, -1, -1, -1, -1]
    this, that = (np.array([rows], "float32") for rows in ([one, two, faint], [two, one, nothing]))
    a, b = (detection._counted([(rows[..., :1], rows[..., 1:2], rows[..., 2:])]) for rows in (this, that))
    np.testing.assert_array_equal(a[0][0], b[0][0])
    np.testing.assert_array_equal(a[0][0], np.array([one, two], "float32"))


@pytest.mark.parametrize("name", CASES)
def test_both_networks_start_from_the_same_weights(name):
    job = CASES[name].job
    values = {}
    for label in ("plain", "DO-Conv"):
        mx.random.seed(3)
        with building(label):
            net = job.build()
        values[label] = {k: p.data().asnumpy() for k, p in net._collect_params_with_prefix().items()}
    assert len(values["DO-Conv"]) == len(values["plain"]) + CASES[name].layers
    for key, value in values["plain"].items():
        np.testing.assert_array_equal(values["DO-Conv"][key], value, err_msg=key)


def test_data_sets_are_written_once(tmp_path):
    first = data_set("voc", tmp_path, 1, SIZE, 0, ALL_DIGITS)
    written = first.stat().st_mtime_ns
    assert data_set("voc", tmp_path, 1, SIZE, 0, ALL_DIGITS) == first and first.stat().st_mtime_ns == written
    assert data_set("voc", tmp_path, 1, SIZE, 1, ALL_DIGITS) != first


@pytest.mark.parametrize("name", CASES)
def test_options_reach_the_job(name, tmp_path, monkeypatch):
    seen = []
    monkeypatch.setattr(
        CASES[name].module, "run", lambda output, recipe, tracker: seen.append((output, recipe)) or "done"
    )
    options = ["--images", "12", "--epochs", "3", "--seed", "5", "--output", str(tmp_path)]
    result = CliRunner().invoke(main, ["demo", name, *options])
    assert result.exit_code == 0 and "done" in result.output, result.output
    ((output, recipe),) = seen
    assert output == tmp_path and (recipe.images, recipe.epochs, recipe.seed) == (12, 3, 5)
