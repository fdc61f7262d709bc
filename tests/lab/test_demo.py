"""The classification demo in small: real digits, both networks, every output."""

import json

from gluon_doconv.cli import main
from gluon_doconv.lab.configuration import BASELINE, DOCONV, AnnealedRecipe, Configuration
from gluon_doconv.lab.datasets import digits as data
from gluon_doconv.lab.demos import classification
from gluon_doconv.lab.demos.comparison import Comparison, results_table, verdict
from gluon_doconv.lab.demos.demo import building
from gluon_doconv.lab.demos.deployment import Deployed
from gluon_doconv.lab.records import Epoch, Record, read_results

import mxnet as mx
import numpy as np
import pytest
from click.testing import CliRunner
from gluoncv.model_zoo import get_model


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """One epoch on a tenth of the digits."""
    output = tmp_path_factory.mktemp("demo")
    train, validation = data.digits()
    small = data.Split(*(array[::10] for array in train)), data.Split(*(array[::10] for array in validation))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(classification, "digits", lambda: small)
        result = CliRunner().invoke(main, ["demo", "classification", "--epochs", "1", "--output", str(output)])
    assert result.exit_code == 0, result.output
    return output, result.output, small


def test_digits_are_real_and_balanced():
    train, validation = data.digits()
    assert train.images.shape == (4000, 1, 28, 28) and validation.images.shape == (1000, 1, 28, 28)
    assert (
        np.bincount(train.labels).tolist() == [400] * 10
        and np.bincount(validation.labels).tolist() == [100] * 10
    )
    seen = {image.tobytes() for image in train.images}
    assert not any(image.tobytes() in seen for image in validation.images)


def test_everything_promised_is_written(finished):
    output, said, _ = finished
    names = {path.name for path in output.iterdir()}
    assert names == {
        *("plain.params", "do-conv.params", "folded.params", "folded-symbol.json", "folded-0000.params"),
        *("folded.onnx", "curves.png", "results.jsonl", "results.md", "deployment.json"),
    }
    assert all(name in said for name in names)
    assert (output / "curves.png").read_bytes().startswith(b"\x89PNG")


def test_the_table_reports_what_the_saved_networks_do(finished):
    output, said, (_, validation) = finished
    deployed = json.loads((output / "deployment.json").read_text())
    records = {record.configuration.variant.name: record for record in read_results(output / "results.jsonl")}
    for name, file in (("baseline", "plain.params"), ("doconv", "folded.params")):
        stock = get_model(classification.MODEL, classes=10)
        stock.load_parameters(str(output / file))
        outputs = stock(mx.nd.array(validation.images)).asnumpy()
        accuracy = (outputs.argmax(axis=1) == validation.labels).mean()
        assert records[name].epochs[-1].validation_accuracy == pytest.approx(accuracy)
        assert f"{accuracy:.2%}" in said
    assert deployed["folded_difference"] == 0
    assert deployed["onnx_difference"] < 1e-5 * deployed["scale"]
    counted = sum(
        array.size for name, array in mx.nd.load(str(output / "plain.params")).items() if "running" not in name
    )
    assert deployed["parameters while training"]["plain"] == deployed["parameters"] == counted


def test_training_moved_d(finished):
    output, _, _ = finished
    arrays = mx.nd.load(str(output / "do-conv.params"))
    ds = [array for name, array in arrays.items() if name.endswith(".D")]
    assert len(ds) == 19 and all(np.abs(d.asnumpy()).max() > 0 for d in ds)


def test_both_networks_start_from_the_same_weights():
    values = {}
    for label in ("plain", "DO-Conv"):
        mx.random.seed(3)
        with building(label):
            net = classification.demo(epochs=1).build()
        values[label] = {k: p.data().asnumpy() for k, p in net._collect_params_with_prefix().items()}
    assert len(values["DO-Conv"]) == len(values["plain"]) + 19
    for key, value in values["plain"].items():
        np.testing.assert_array_equal(values["DO-Conv"][key], value, err_msg=key)


def comparison(plain=0.95, doconv=0.95, **deployed):
    """Two networks with these scores after the last of two epochs."""

    def trained(variant, score):
        epochs = tuple(Epoch(1.0, None, mean, 2.0, {"mIoU": mean}) for mean in (0.99, score))
        recipe = AnnealedRecipe(epochs=2, batch_size=1, learning_rate=0.1)
        return [Record(Configuration("images", "net", variant, recipe), 0, {}, epochs)]

    usual = {"parameters": 900, "scores": {"mIoU": doconv}, "folded_difference": 0.0, "symbol_difference": 0.0}
    usual.update({"onnx_difference": 1e-6, "onnx_obstacle": "", "scale": 7.0, **deployed})
    both = {"plain": trained(BASELINE, plain), "DO-Conv": trained(DOCONV, doconv)}
    parameters = {"plain": 900, "DO-Conv": 1000}
    return Comparison(("mIoU",), "mIoU", "12 images", both, parameters, Deployed(**usual))


@pytest.mark.parametrize(
    ("doconv", "words"),
    [(0.9, "5.00 points behind"), (0.95, "level"), (0.97, "2.00 points ahead")],
)
def test_the_verdict_says_who_is_ahead(doconv, words):
    assert words in verdict(comparison(doconv=doconv))


def test_a_difference_after_folding_is_not_kept_quiet():
    assert "is bitwise the" in verdict(comparison())
    assert "is NOT bitwise the" in verdict(comparison(folded_difference=1e-9))


def test_what_onnx_cannot_express_is_said():
    text = comparison(onnx_difference=None, onnx_obstacle="no such operator")
    assert "not possible" in results_table(text) and "no such operator" in verdict(text)


def test_a_score_of_nothing_is_a_dash():
    assert "| mIoU, last epoch" in results_table(comparison())
    assert "–" in results_table(comparison(scores={}))
