"""The classification demo in small: real digits, both networks, every output."""

import json

from gluon_doconv.cli import main
from gluon_doconv.lab.datasets import digits as data
from gluon_doconv.lab.demos import classification
from gluon_doconv.lab.demos.comparison import Comparison, Trained, results_table, verdict
from gluon_doconv.lab.demos.deployment import Deployed
from gluon_doconv.lab.demos.fit import fit

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
        *("folded.onnx", "curves.png", "results.json", "results.md"),
    }
    assert all(name in said for name in names)
    assert (output / "curves.png").read_bytes().startswith(b"\x89PNG")


def test_the_table_reports_what_the_saved_networks_do(finished):
    output, said, (_, validation) = finished
    results = json.loads((output / "results.json").read_text())
    for label, file in (("plain", "plain.params"), ("DO-Conv", "folded.params")):
        stock = get_model(classification.MODEL, classes=10)
        stock.load_parameters(str(output / file))
        outputs = stock(mx.nd.array(validation.images)).asnumpy()
        accuracy = (outputs.argmax(axis=1) == validation.labels).mean()
        assert results["trained"][label]["history"]["validation accuracy"][-1] == pytest.approx(accuracy)
        assert f"{accuracy:.2%}" in said
    assert results["deployed"]["folded_difference"] == 0
    assert results["deployed"]["onnx_difference"] < 1e-5 * results["deployed"]["scale"]
    assert results["trained"]["plain"]["parameters"] == results["deployed"]["parameters"]


def test_training_moved_d(finished):
    output, _, _ = finished
    arrays = mx.nd.load(str(output / "do-conv.params"))
    ds = [array for name, array in arrays.items() if name.endswith(".D")]
    assert len(ds) == 19 and all(np.abs(d.asnumpy()).max() > 0 for d in ds)


def test_both_networks_start_from_the_same_weights():
    image = np.zeros((1, 1, 28, 28), "float32")
    first, second = (classification.build(3, image) for _ in range(2))
    for a, b in zip(first.collect_params().values(), second.collect_params().values()):
        np.testing.assert_array_equal(a.data().asnumpy(), b.data().asnumpy())


def comparison(plain=0.95, doconv=0.95, **deployed):
    """Two networks with these scores after the last of two epochs."""

    def trained(score):
        return Trained({"mIoU": [0.99, score], "loss": [1.0, 0.5], "seconds": [3.0, 2.0]}, 1000)

    usual = {"parameters": 900, "scores": {"mIoU": doconv}, "folded_difference": 0.0, "symbol_difference": 0.0}
    usual.update({"onnx_difference": 1e-6, "onnx_obstacle": "", "scale": 7.0, **deployed})
    both = {"plain": trained(plain), "DO-Conv": trained(doconv)}
    return Comparison("net", {}, "mIoU", "12 images", both, Deployed(**usual))


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
    assert "–" in results_table(comparison(scores={"mIoU": -1.0}))


def test_fit_measures_once_an_epoch():
    seen = []
    scores = iter([0.25, 0.75])
    history = fit(2, [1, 3], lambda x: seen.append(x) or {"loss": x}, lambda: {"score": next(scores)}, "plain")
    assert seen == [1, 3, 1, 3]
    assert history["loss"] == [2, 2] and history["score"] == [0.25, 0.75] and len(history["seconds"]) == 2
