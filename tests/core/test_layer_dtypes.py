"""Half precision: what is composed in float32, and mixed precision by mx.contrib.amp."""

import subprocess
import sys
from pathlib import Path

import gluon_doconv as doconv
from gluon_doconv.core import kernel
from gluon_doconv.core.layers import folded_kernel

import mxnet as mx
import numpy as np
import pytest
from mxnet.contrib import amp
from mxnet.gluon import nn

CPU_FLAGS = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
needs_bfloat16 = pytest.mark.skipif(
    "avx512bw" not in CPU_FLAGS, reason="MXNet's convolution has no bfloat16 without AVX-512, plain or not"
)


def outputs_and_types(symbol, **types):
    """name -> dtype of everything computed in the graph of ``symbol``."""
    internals = symbol.get_internals()
    _, found, _ = internals.infer_type(**types)
    return dict(zip(internals.list_outputs(), found))


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16"])
@pytest.mark.parametrize(
    "composition, in_channels", [("kernel", 0), ("kernel", 4), ("feature", 4), ("auto", 4)]
)
def test_a_layer_that_was_cast_is_of_that_dtype_throughout(composition, in_channels, dtype):
    layer = doconv.DOConv2D(4, 3, in_channels=in_channels, d_mul=12, composition=composition, prefix="c_")
    layer.cast(dtype)
    types = outputs_and_types(layer(mx.sym.var("data")), data=dtype)
    assert types["c_fwd_output"] == np.dtype(dtype)
    for name in ("data", "c_weight", "c_D", "c_bias"):
        assert types[name] == np.dtype(dtype)


@pytest.mark.parametrize("groups, d_mul", [(1, None), (2, 12), (4, 4)])
def test_float16_kernels_are_composed_in_float32_and_rounded_once(groups, d_mul):
    """Whole numbers and sixteenths: float32 holds every sum exactly, float16 does not."""
    random = np.random.default_rng(0)
    layer = doconv.DOConv2D(8, 3, groups=groups, in_channels=4, d_mul=d_mul)
    layer.cast("float16")
    layer.initialize()
    weight = random.integers(-1000, 1000, layer.weight.shape)
    d = random.integers(-16, 16, layer.D.shape) / 16
    layer.weight.set_data(mx.nd.array(weight, dtype="float16"))
    layer.D.set_data(mx.nd.array(d, dtype="float16"))
    folded = folded_kernel(layer).asnumpy()
    assert folded.dtype == np.float16
    exact = kernel.compose(weight.astype("float64"), d, (3, 3))
    np.testing.assert_array_equal(folded, exact.astype("float16"))


def test_float16_amp_leaves_the_composition_in_float32():
    layer = doconv.DOConv2D(4, 3, in_channels=4, prefix="c_")
    mixed = amp.convert_symbol(layer(mx.sym.var("data")), target_dtype="float16")
    types = outputs_and_types(mixed, **{name: "float32" for name in mixed.list_inputs()})
    assert types["c_gemm20_output"] == np.float32
    assert types["c_fwd_output"] == np.float16


@needs_bfloat16
def test_a_network_converted_to_bfloat16_computes_nearly_the_same():
    net = nn.HybridSequential()
    net.add(doconv.DOConv2D(8, 3, in_channels=4, activation="relu"), doconv.DOConv2D(8, 3, groups=4, d_mul=12))
    net.initialize(mx.init.Xavier())
    net.hybridize()
    x = mx.nd.random.normal(shape=(4, 4, 8, 8))
    net(x)
    for layer in net:
        layer.D.set_data(mx.nd.random.normal(0, 0.2, shape=layer.D.shape))
    expected = net(x).asnumpy()
    actual = amp.convert_hybrid_block(net, target_dtype="bfloat16", ctx=mx.cpu())(x).astype("float32").asnumpy()
    error = np.abs(actual - expected).max() / np.abs(expected).max()
    assert 0 < error < 2**-5  # bfloat16 keeps 8 bits
    np.testing.assert_array_equal(net(x).asnumpy(), expected)


TRAIN_IN_BFLOAT16 = """
import gluon_doconv as doconv
import mxnet as mx
from mxnet.contrib import amp
from mxnet.gluon import Trainer, loss, nn

amp.init(target_dtype="bfloat16")
mx.random.seed(0)
net = nn.HybridSequential()
net.add(doconv.DOConv2D(8, 3, activation="relu"), doconv.DOConv2D(8, 3, groups=4, d_mul=12), nn.Dense(4))
net.initialize(mx.init.Xavier())
{hybridize}
trainer = Trainer(net.collect_params(), "sgd", {{"learning_rate": 0.05}})
x, labels = mx.nd.random.normal(shape=(16, 4, 8, 8)), mx.nd.arange(16) % 4
for _ in range(8):
    with mx.autograd.record():
        value = loss.SoftmaxCrossEntropyLoss()(net(x).astype("float32"), labels).mean()
    value.backward()
    trainer.step(1)
    print(value.asscalar())
bfloat16 = [("bfloat16", "<u2")]
assert net[0](x).dtype == bfloat16, net[0](x).dtype
assert all(layer.D.dtype is layer.D.data().dtype is mx.np.float32 for layer in net[:2])
assert all(layer.D.data().abs().max().asscalar() > 0 for layer in net[:2])
"""


@pytest.mark.slow
@needs_bfloat16
@pytest.mark.parametrize("hybridize", ["", "net.hybridize()"])
def test_bfloat16_amp_trains(hybridize):
    """In a process of its own: amp.init changes MXNet for good."""
    script = TRAIN_IN_BFLOAT16.format(hybridize=hybridize)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    losses = [float(line) for line in done.stdout.split()]
    assert len(losses) == 8
    assert all(later < earlier for earlier, later in zip(losses, losses[1:]))
