"""What a DO-Conv network under the patch exports is the plain network."""

import gluon_doconv as doconv

import gluoncv
import mxnet as mx
import numpy as np
import pytest
from gluoncv.model_zoo import get_model
from networks import images, initialized, nodes, perturb

MODEL = "cifar_resnet20_v1"


def built(model=MODEL):
    net = initialized(get_model(model, prefix="net_"))
    net(images(32))
    return net


def exported(net, prefix):
    net.hybridize()
    net(images(32))
    net.export(str(prefix))
    return mx.sym.load(f"{prefix}-symbol.json")


def export_block(net, prefix):
    gluoncv.utils.export_block(str(prefix), net, data_shape=(3, 32, 32), preprocess=None, layout="CHW")
    return nodes(mx.sym.load(f"{prefix}-symbol.json"))


def prediction(prefix, x):
    net = mx.gluon.SymbolBlock.imports(f"{prefix}-symbol.json", ["data"], f"{prefix}-0000.params")
    return net(x).asnumpy()


@pytest.fixture(scope="module")
def stock(tmp_path_factory):
    return nodes(exported(built(), tmp_path_factory.mktemp("stock") / "net"))


def test_export_writes_the_plain_graph_and_leaves_the_network(tmp_path, stock):
    with doconv.patched():
        net = built()
        perturb(net)
        x = images(32)
        before = net(x).asnumpy()
        assert nodes(exported(net, tmp_path / "net")) == stock
        assert np.array_equal(prediction(tmp_path / "net", x), before)
        assert np.array_equal(net(x).asnumpy(), before)
        assert net.collect_params(".*_D$")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["net-0000.params", "net-symbol.json"]


def test_export_block_writes_the_plain_graph(tmp_path, stock):
    with doconv.patched():
        net = built()
        perturb(net)
        live = export_block(net, tmp_path / "live")
        doconv.fold(net)
        folded = export_block(net, tmp_path / "folded")
    assert live == folded == stock
    x = images(32)
    assert np.array_equal(prediction(tmp_path / "live", x), prediction(tmp_path / "folded", x))


def test_what_is_asked_for_by_name_exports_alike(tmp_path, stock):
    doconv.register()
    try:
        net = built(f"{MODEL}_doconv")
        assert net.collect_params(".*_D$")
        assert nodes(exported(net, tmp_path / "net")) == stock
    finally:
        doconv.unregister()


def test_a_plain_network_exports_as_ever(tmp_path, stock):
    plain = built()
    with doconv.patched():
        built()
        assert nodes(exported(plain, tmp_path / "net")) == stock


def test_unpatched_exports_are_mxnets_own():
    with doconv.patched():
        built()
    assert not hasattr(mx.gluon.HybridBlock.export, "__wrapped__")
