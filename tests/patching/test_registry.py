"""Names that end in _doconv, in GluonCV's registry."""

import gluon_doconv as doconv

import pytest
from gluoncv.model_zoo import get_model
from networks import names_of_d

MODEL = "cifar_resnet20_v1"


def test_registered_names():
    doconv.register()
    try:
        assert len(names_of_d(get_model("resnet18_v1b_doconv"))) == 17
        assert names_of_d(get_model("resnet18_v1b")) == []
        assert doconv.register() is doconv.register()
        with pytest.warns(doconv.DOConvWarning, match="registered already"):
            doconv.register(stages=[1])
    finally:
        doconv.unregister()
    with pytest.raises(ValueError):
        get_model("resnet18_v1b_doconv")


def test_registered_names_with_a_selection():
    registered = doconv.register(stages=[1], d_mul=16)
    try:
        net = get_model(f"{MODEL}_doconv")
    finally:
        doconv.unregister()
    assert [p.shape[:-1] for p in net.collect_params(".*_D$").values()] == [(1, 3, 3, 16)] * 6
    assert [built.doconv for built in registered.built] == [6]
