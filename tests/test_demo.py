"""The classification demo in small: real digits, both networks, every output."""

import json

from gluon_doconv import data
from gluon_doconv.cli import main
from gluon_doconv.demos import classification
from gluon_doconv.demos.fit import predict

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
        accuracy = (predict(stock, validation.images).argmax(axis=1) == validation.labels).mean()
        assert results["trained"][label]["history"]["validation_accuracy"][-1] == pytest.approx(accuracy)
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


@pytest.mark.parametrize(
    ("doconv", "words"), [(0.9, "behind plain"), (0.95, "level"), (0.97, "ahead of plain")]
)
def test_the_verdict_says_who_is_ahead(doconv, words):
    def trained(accuracy):
        return classification.Trained(classification.History(validation_accuracy=[accuracy]), 1)

    deployed = classification.Deployed(1, 0.9, 0.0, 0.0, 0.0, 1.0)
    assert words in classification.verdict({"plain": trained(0.95), "DO-Conv": trained(doconv)}, deployed, 1000)
