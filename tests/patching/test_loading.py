"""Networks with DO-Conv load plain and DO-Conv files as scripts load them."""

import gluon_doconv as doconv

import mxnet as mx
import numpy as np
import pytest
from gluoncv.model_zoo import get_model
from networks import names_of_d, perturb

MODEL = "cifar_resnet20_v1"


def trained_plain(tmp_path, x):
    net = get_model(MODEL)
    net.initialize(mx.init.Xavier())
    outputs = net(x).asnumpy()
    net.save_parameters(str(tmp_path / "plain.params"))
    return net, outputs


def test_plain_and_doconv_files_load_as_scripts_load_them(tmp_path):
    x = mx.nd.random.normal(shape=(2, 3, 32, 32))
    _, outputs = trained_plain(tmp_path, x)
    with doconv.patched():
        net = get_model(MODEL)
        net.load_parameters(str(tmp_path / "plain.params"))
        np.testing.assert_array_equal(net(x).asnumpy(), outputs)
        perturb(net)
        trained = net(x).asnumpy()
        net.save_parameters(str(tmp_path / "doconv.params"))
        resumed = get_model(MODEL)
        resumed.load_parameters(str(tmp_path / "doconv.params"))
    assert np.abs(trained - outputs).max() > 1e-3
    np.testing.assert_array_equal(resumed(x).asnumpy(), trained)


def test_a_doconv_file_brings_its_d_where_the_selection_has_none(tmp_path):
    x = mx.nd.random.normal(shape=(2, 3, 32, 32))
    with doconv.patched():
        net = get_model(MODEL)
    net.initialize(mx.init.Xavier())
    net(x)
    perturb(net)
    net.save_parameters(str(tmp_path / "doconv.params"))
    with doconv.patched(stages=[0]):
        other = get_model(MODEL)
        assert len(names_of_d(other)) == 1
        other.load_parameters(str(tmp_path / "doconv.params"))
    np.testing.assert_array_equal(other(x).asnumpy(), net(x).asnumpy())


def test_any_other_missing_name_is_the_error_it_was(tmp_path):
    arrays = {"features.0.weight": mx.nd.zeros((16, 3, 3, 3))}
    mx.nd.save(str(tmp_path / "part.params"), arrays)
    with pytest.raises(AssertionError) as stock:
        get_model(MODEL).load_parameters(str(tmp_path / "part.params"))
    with doconv.patched(), pytest.raises(AssertionError) as patched:
        get_model(MODEL).load_parameters(str(tmp_path / "part.params"))
    assert str(patched.value).split(" in file")[0] == str(stock.value).split(" in file")[0]


def test_a_registered_network_loads_plain_files(tmp_path):
    x = mx.nd.random.normal(shape=(2, 3, 32, 32))
    _, outputs = trained_plain(tmp_path, x)
    doconv.register()
    try:
        net = get_model(f"{MODEL}_doconv")
        net.load_parameters(str(tmp_path / "plain.params"))
    finally:
        doconv.unregister()
    np.testing.assert_array_equal(net(x).asnumpy(), outputs)
    assert len(names_of_d(net)) == 19
