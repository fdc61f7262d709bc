"""A training that would go without DO-Conv is refused, and nothing that is nobody's mistake."""

import gluon_doconv as doconv

import pytest
from gluoncv.model_zoo import get_model
from mxnet.gluon import Trainer, nn

MODEL = "cifar_resnet20_v1"


def initialized(net):
    net.initialize()
    return net


def plain():
    return initialized(nn.Conv2D(8, 4, in_channels=3))


def test_a_network_from_before_the_patch_is_refused_at_once():
    early = initialized(get_model(MODEL))
    with doconv.patched():
        with pytest.raises(
            doconv.DOConvError, match=r"no network has DO-Conv so far\. The network was built before"
        ):
            Trainer(early.collect_params(), "sgd")
        get_model(MODEL)


def test_what_is_trained_beside_a_doconv_network_is_nobodys_mistake():
    with doconv.patched(part="backbone"):
        net = initialized(get_model("fcn_resnet50_voc", pretrained_base=False))
        named = net.collect_params()
        Trainer([p for name, p in named.items() if "head" not in name], "sgd")
        Trainer([p for name, p in named.items() if "head" in name], "sgd")
        Trainer(plain().collect_params(), "sgd")


def test_at_the_end_a_doconv_network_that_no_trainer_was_given_is_named():
    with pytest.raises(doconv.DOConvError, match=r"with DO-Conv: .*cifarresnet.*conv"), doconv.patched():
        initialized(get_model(MODEL))
        Trainer(plain().collect_params(), "sgd")
    assert not doconv.is_patched()


def test_a_block_that_trains_nothing_ends_well():
    with doconv.patched():
        get_model(MODEL)
