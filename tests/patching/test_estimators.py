"""What estimators of gluoncv.auto pickle under the patch; integration/test_estimators.py has whole scripts."""

import pickle

import gluon_doconv as doconv
from gluon_doconv.compat.workarounds import apply_workarounds

import mxnet as mx
import numpy as np
import pytest
from gluoncv.model_zoo import get_model
from networks import ds
from oracle import spatial_convolutions_of

CONFIG = {"train": {"input_size": 32, "batch_size": 2, "num_workers": 0}, "gpus": ()}


@pytest.fixture(scope="module")
def estimator_class():
    pytest.importorskip("autocfg", reason="GluonCV has estimators since 0.9")
    undo = apply_workarounds()
    from gluoncv.auto.estimators import ImageClassificationEstimator

    yield ImageClassificationEstimator
    undo()


def custom(estimator_class, folder):
    """An estimator of a network that its user made, as it is after training, and that network."""
    made = get_model("cifar_resnet20_v1", classes=2)
    made.initialize()
    made(mx.nd.zeros((1, 3, 32, 32)))
    estimator = estimator_class({**CONFIG, "log_dir": str(folder / "log")}, net=made)
    estimator.classes, estimator.num_class, estimator.last_train = ["a", "b"], 2, 4
    estimator._init_network()
    estimator._init_trainer()
    for d in ds(estimator.net):
        d.set_data(mx.nd.random.normal(0, 0.1, shape=d.shape))
    return estimator, made


def test_folded_it_is_plain_with_the_network_it_was_given(estimator_class, tmp_path):
    file, x = str(tmp_path / "est.pkl"), mx.nd.random.normal(shape=(1, 3, 32, 32))
    with doconv.patched():
        estimator, made = custom(estimator_class, tmp_path)
        trained = estimator.net(x).asnumpy()
        doconv.fold(estimator.net)
        estimator.save(file)
    loaded = estimator_class.load(file)
    assert np.array_equal(loaded.net(x).asnumpy(), trained)
    assert not ds(loaded.net) and not ds(loaded._custom_net)
    spatial = spatial_convolutions_of(get_model("cifar_resnet20_v1"))
    assert len(ds(made)) == len(ds(estimator._custom_net)) == len(spatial)  # which are as they were


def test_unfolded_it_is_read_back_under_the_patch_only(estimator_class, tmp_path):
    file, x = tmp_path / "est.pkl", mx.nd.random.normal(shape=(1, 3, 32, 32))
    with doconv.patched():
        estimator, _ = custom(estimator_class, tmp_path)
        estimator.save(str(file))
        assert np.array_equal(estimator_class.load(str(file)).net(x).asnumpy(), estimator.net(x).asnumpy())
    with pytest.raises(doconv.DOConvError, match="saved with DO-Conv"):
        pickle.loads(file.read_bytes())


def test_without_the_patch_estimators_are_gluoncvs(estimator_class, tmp_path):
    get_state = estimator_class.__getstate__
    with doconv.patched():
        assert estimator_class.__getstate__ is not get_state
        get_model("cifar_resnet20_v1")
    assert estimator_class.__getstate__ is get_state
    estimator, _ = custom(estimator_class, tmp_path)
    assert type(estimator.__getstate__()["net"]) is bytes
