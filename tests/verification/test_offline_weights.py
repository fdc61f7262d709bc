"""Random parameters in place of pretrained ones: a network's all, and made without a trace."""

import mxnet as mx
import numpy as np
import pytest
from gluoncv.model_zoo import get_model, model_store
from verification import offline_weights

NAME = "cifar_resnet20_v1"


@pytest.fixture
def served(tmp_path):
    undo = offline_weights.serve(tmp_path)
    yield tmp_path
    undo()


def test_a_pretrained_network_has_what_the_file_holds(served):
    mx.random.seed(5)
    expected = mx.nd.random.uniform(shape=3).asnumpy()
    mx.random.seed(5)
    net = get_model(NAME, pretrained=True)
    assert np.array_equal(mx.nd.random.uniform(shape=3).asnumpy(), expected)
    held = mx.nd.load(str(served / f"{NAME}.params"))
    parameters = net._collect_params_with_prefix()
    assert held.keys() == parameters.keys()
    for name, array in held.items():
        assert np.array_equal(parameters[name].data().asnumpy(), array.asnumpy())


def test_a_file_that_is_there_stays(served):
    (served / "there.params").write_text("mine")
    assert model_store.get_model_file("there", root="elsewhere") == str(served / "there.params")
    assert (served / "there.params").read_text() == "mine"


def test_what_cannot_be_made_is_told(served):
    with pytest.raises(RuntimeError, match=r"no random parameters for unheard_of .*exit code 1"):
        model_store.get_model_file("unheard_of")
    assert not list(served.glob("*.params"))


def test_undoing_it_gives_the_download_back(tmp_path):
    download = model_store.get_model_file
    undo = offline_weights.serve(tmp_path)
    assert model_store.get_model_file is not download
    undo()
    assert model_store.get_model_file is download
