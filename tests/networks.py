"""Networks to convert, and what there is to compare of them."""

import json
import subprocess
import sys
from pathlib import Path

import gluon_doconv as doconv
from gluon_doconv.core.arrays import snapshot
from gluon_doconv.core.convolutions import find_convolutions
from gluon_doconv.core.graph import Graph
from gluon_doconv.zoo import networks

import mxnet as mx
import numpy as np
import pytest
from gluoncv import model_zoo
from mxnet.gluon import SymbolBlock, nn

# name -> size of the image; the last ones hide convolutions in a SymbolBlock
ZOO = {
    "cifar_resnet20_v1": 32,
    "cifar_resnet20_v2": 32,
    "cifar_resnext29_32x4d": 32,
    "mobilenetv2_0.25": 32,
    "mobilenetv3_small": 32,
    "resnest14": 64,
    "ssd_300_mobilenet0.25_voc": 64,
    "ssd_512_mobilenet1.0_custom": 64,
}


def require_in_zoo(name):
    """Skip a test of a network that the installed GluonCV, an older one, does not have yet."""
    if name not in {*model_zoo.get_model_list(), *networks.NETWORKS}:
        pytest.skip(f"this GluonCV has no {name}")


def slow_but_first(cases):
    """Cases for a test of which ``scripts/check --fast`` runs only the first."""
    first, *others = [case if isinstance(case, tuple) else (case,) for case in cases]
    return [pytest.param(*first), *(pytest.param(*case, marks=pytest.mark.slow) for case in others)]


def initialized(net, ctx=None):
    """``net`` with values wherever it has none; the zoo's detection models bring some already."""
    for parameter in net.collect_params().values():
        if parameter._data is None:
            parameter.initialize(ctx=ctx)
    return net


def from_zoo(name):
    detection = {"pretrained_base": False} if name.startswith("ssd") else {}
    custom = {"classes": ["thing"]} if name.endswith("custom") else {}
    return initialized(model_zoo.get_model(name, **detection, **custom))


def small(in_channels=0, ctx=None):
    """A network with a plain, a grouped, a depthwise and a pointwise convolution."""
    net = nn.HybridSequential(prefix="small_")
    with net.name_scope():
        net.add(
            nn.Conv2D(8, 3, padding=1, in_channels=in_channels),
            nn.BatchNorm(),
            nn.Activation("relu"),
            nn.Conv2D(8, 3, groups=2, use_bias=False),
            nn.Conv2D(8, (1, 3), groups=8),
            nn.Conv2D(4, 1),
            nn.GlobalAvgPool2D(),
            nn.Dense(3),
        )
    return initialized(net, ctx)


def in_symbols(ctx=None):
    """:func:`small` as a graph, inside a network of which it is but a part."""
    data, net = mx.sym.var("data"), small(ctx=ctx)
    outer = nn.HybridSequential(prefix="outer_")
    with outer.name_scope():
        outer.add(SymbolBlock(net(data), data, params=net.collect_params()), nn.Dense(2))
    return initialized(outer, ctx)


NETWORKS = [small, in_symbols]


class TwoInputs(nn.HybridBlock):
    """One layer used at two places, and an input that is an output."""

    def __init__(self, **options):
        super().__init__()
        with self.name_scope():
            self.conv = doconv.DOConv2D(4, 3, in_channels=3, **options)

    def hybrid_forward(self, F, x, y):
        return self.conv(x) + self.conv(y), x


def images(size=8, batch=2, ctx=None):
    return mx.nd.random.normal(shape=(batch, 3, size, size), ctx=ctx)


def outputs(net, x):
    """Everything that ``net`` predicts, as NumPy arrays."""
    y = net(x)
    return [array.asnumpy() for array in (y if isinstance(y, (list, tuple)) else [y])]


def same_bits(some, others):
    """Whether two lists of arrays are equal to the last bit."""
    pairs = list(zip(some, others))
    assert len(some) == len(others) > 0
    return all(a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes() for a, b in pairs)


def perturb(net, scale=0.1):
    """Move every D away from the identity, without which equality would prove nothing."""
    assert ds(net)
    for d in ds(net):
        d.set_data(mx.nd.random.normal(0, scale, shape=d.shape))


def doconv_network(build=small, size=8, hybrid=False, **options):
    """A DO-Conv network that has been trained."""
    net = build()
    net.hybridize(hybrid)
    net(images(size))
    doconv.over_parameterize(net, **options)
    perturb(net)
    net(images(size))
    return net


def names_of_d(net):
    """The names of every D among the Parameters of ``net``."""
    return [name for name in net.collect_params() if name.endswith("_D")]


def values(net):
    """Every parameter's values, by its name in files and by its own, on every context."""
    return {
        (name, parameter.name, str(array.context)): snapshot(array)
        for name, parameter in net._collect_params_with_prefix().items()
        if parameter._data is not None
        for array in parameter.list_data()
    }


def same_values(some, others):
    return list(some) == list(others) and (not some or same_bits(list(some.values()), list(others.values())))


def blocks(net):
    """Every block of ``net``, by its path."""
    found = {"": net}
    for name, child in net._children.items():
        found.update({f"{name}.{path}": block for path, block in blocks(child).items()})
    return found


def anatomy(net):
    """Everything about a network but its values: objects, classes, names, parameters and graphs."""
    parameters = net.collect_params()
    return {
        "blocks": {
            path: (id(b), type(b), b.name, b.prefix, sorted(vars(b))) for path, b in blocks(net).items()
        },
        "own parameters": {path: list(b.params) for path, b in blocks(net).items()},
        "parameters": [(name, id(p), p.shape, p.dtype, p.grad_req) for name, p in parameters.items()],
        "structural": [(name, id(p)) for name, p in net._collect_params_with_prefix().items()],
        "graphs": [nodes(b._cached_graph[1]) for b in blocks(net).values() if isinstance(b, SymbolBlock)],
    }


def nodes(symbol):
    """A graph, node for node.

    Left out is what depends on how often a network was traced, and on what was known of it then: a version
    counter of states, and the shapes of variables.
    """
    graph = json.loads(symbol.tojson())
    for node in graph["nodes"]:
        node.get("attrs", {}).pop("__shape__", None)
    return [
        (node["op"], node["name"], node.get("attrs"), [source[:2] for source in node["inputs"]])
        for node in graph["nodes"]
    ], [head[:2] for head in graph["heads"]]


def convolutions(symbol):
    return Graph(symbol).convolutions()


def composed_in_numpy(net, compose):
    """What every D of ``net`` folds into, in double precision, by the name of its weight."""
    return {
        convolution.weight.name: compose(
            convolution.weight.list_data()[0].asnumpy().astype(np.float64),
            convolution.d.list_data()[0].asnumpy().astype(np.float64),
            convolution.kernel_size,
        )
        for convolution in find_convolutions(net)
        if convolution.d is not None
    }


def ds(net):
    """Every Parameter D of ``net``, once."""
    return [parameter for name, parameter in net.collect_params().items() if name.endswith(("_D", ".D"))]


def unchanged_by(action, net, match):
    """Assert that ``action`` is refused with a message that matches, and that ``net`` is as it was."""
    was, before = anatomy(net), values(net)
    with pytest.raises(doconv.DOConvError, match=match):
        action(net)
    assert anatomy(net) == was
    assert same_values(values(net), before)


def predict_without_doconv(tmp_path, what, params, x):
    """What a process predicts in which gluon_doconv cannot be imported."""
    np.save(tmp_path / "x.npy", x.asnumpy())
    program = [sys.executable, "-W", "ignore", str(Path(__file__).with_name("stock_predict.py"))]
    command = [*program, str(what), str(params), str(tmp_path / "x.npy"), str(tmp_path / "y.npz")]
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}
    subprocess.run(command, check=True, cwd=tmp_path, env=environment)
    with np.load(tmp_path / "y.npz") as arrays:
        return [arrays[name] for name in arrays.files]
