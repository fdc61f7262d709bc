"""A training that would go without DO-Conv is refused."""

import gluon_doconv as doconv

import pytest
from gluoncv.model_zoo import get_model
from mxnet.gluon import Trainer

MODEL = "cifar_resnet20_v1"


def test_a_trainer_without_any_d_is_refused():
    early = get_model(MODEL)
    early.initialize()
    with doconv.patched():
        net = get_model(MODEL)
        net.initialize()
        Trainer(net.collect_params(), "sgd")
        with pytest.raises(doconv.DOConvError, match=r"no D\. The network was built before .*far: cifarresnet"):
            Trainer(early.collect_params(), "sgd")
