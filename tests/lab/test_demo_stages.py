"""The demos of two stages in small: segmentation and detection, both networks, every output."""

import json

from gluon_doconv.cli import main
from gluon_doconv.lab.demos import detection, segmentation
from gluon_doconv.lab.demos.demo import Demo, building
from gluon_doconv.lab.records import read_results

import mxnet as mx
import numpy as np
import pytest
from click.testing import CliRunner
from gluoncv.model_zoo.segbase import get_segmentation_model
from pycocotools.coco import COCO
from small_demos import CASES, SIZE, VOC_CLASSES, coco_rows, normalized, overlaps, precisions, voc_validation

WRITTEN = {
    *("plain.params", "do-conv.params", "folded.params", "folded-symbol.json", "folded-0000.params"),
    *("folded.onnx", "curves.png", "predictions.png", "deployment.json", "results.jsonl", "results.md"),
    *("weights", "data"),
}


@pytest.fixture(scope="module", params=CASES)
def finished(request, tmp_path_factory):
    """A whole run: the case, its folder, what it said."""
    case = CASES[request.param]
    output = tmp_path_factory.mktemp(request.param)
    return case, output, case.job.run(output)


def deployment(output):
    return json.loads((output / "deployment.json").read_text())


def trainings(output):
    """The records by the task and whether it was trained with DO-Conv."""
    records = read_results(output / "results.jsonl")
    return {(r.configuration.backbone is not None, r.configuration.variant.doconv): r for r in records}


def test_everything_promised_is_written(finished):
    case, output, said = finished
    assert {path.name for path in output.iterdir()} == WRITTEN
    assert all(
        (output / f"{name}.png").read_bytes().startswith(b"\x89PNG") for name in ("curves", "predictions")
    )
    assert (output / "results.md").read_text() == f"{said}\n"
    assert len(trainings(output)) == 4 and all(record.finished for record in trainings(output).values())
    assert case.job.decisive in said and "one seed" in said


def test_training_moved_every_d(finished):
    case, output, _ = finished
    arrays = mx.nd.load(str(output / "do-conv.params"))
    ds = {name: array.asnumpy() for name, array in arrays.items() if name.endswith((".D", "_D"))}
    assert len(ds) == case.layers
    assert {name for name, d in ds.items() if not np.abs(d).max() > 0} == case.idle


def test_the_folded_network_is_the_trained_one(finished):
    _, output, _ = finished
    deployed = deployment(output)
    assert deployed["folded_difference"] == 0 and deployed["symbol_difference"] == 0
    assert deployed["onnx_difference"] < 1e-5 * deployed["scale"]
    trained = deployed["parameters while training"]
    assert deployed["parameters"] == trained["plain"] < trained["DO-Conv"]
    last = trainings(output)[True, True].epochs[-1]
    assert deployed["scores"] == last.metrics


def test_the_table_reports_what_stock_gluoncv_does(finished):
    case, output, said = finished
    deployed = deployment(output)
    (scenes,) = (output / "data").glob(f"{case.job.stage.layout}-*")
    with case.job.workaround():
        expected, scale = {"voc": segmented, "coco": detected}[case.job.stage.layout](output, scenes)
    assert deployed["scores"] == pytest.approx(expected)
    assert deployed["scale"] == pytest.approx(scale)
    for name, value in expected.items():
        assert f"{name}, folded, in stock GluonCV" in said and f"{value:.2%}" in said


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
    job = CASES["segmentation"].job
    first = job.data(tmp_path)
    written = [folder.stat().st_mtime_ns for folder in first]
    again = job.data(tmp_path)
    assert again == first and [folder.stat().st_mtime_ns for folder in again] == written
    assert job.stage.data(seed=1) != job.stage.data(seed=0) == first.scenes.name


@pytest.mark.parametrize("module", [segmentation, detection])
def test_options_reach_the_job(module, tmp_path, monkeypatch):
    seen = []
    monkeypatch.setattr(Demo, "run", lambda job, output: seen.append((job, output)) or "done")
    options = ["--images", "12", "--epochs", "3", "--seed", "5", "--output", str(tmp_path)]
    result = CliRunner().invoke(main, ["demo", module.__name__.rpartition(".")[2], *options])
    assert result.exit_code == 0 and "done" in result.output, result.output
    ((job, output),) = seen
    assert output == tmp_path and (job.stage.images, job.stage.recipe.epochs, job.seed) == (12, 3, 5)
