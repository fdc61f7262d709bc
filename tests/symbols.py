"""Symbols, as the Module API trains them, and what there is to compare of them."""

import mxnet as mx
import numpy as np
from networks import same_bits

DATA, LABEL = ("data", (4, 3, 8, 8)), ("softmax_label", (4,))
SPATIAL = ["conv-0_weight", "grouped_weight", "shared_weight"]


def small_symbol(**weight):
    """A plain, a grouped, twice a shared, a pointwise and a transposed convolution; no shape is known."""
    shared = mx.sym.var("shared_weight", **weight)
    x = mx.sym.Convolution(mx.sym.var("data"), num_filter=8, kernel=(3, 3), name="conv-0")
    x = mx.sym.Activation(mx.sym.BatchNorm(x, fix_gamma=False, name="bn"), act_type="relu", name="relu")
    x = mx.sym.Convolution(x, num_filter=8, kernel=(1, 3), num_group=4, no_bias=True, name="grouped")
    for name in ("one", "two"):
        x = mx.sym.Convolution(x, shared, num_filter=8, kernel=(3, 3), pad=(1, 1), no_bias=True, name=name)
    x = mx.sym.Pooling(x, kernel=(2, 2), stride=(2, 2), pool_type="max", name="pool")
    x = mx.sym.Convolution(x, num_filter=4, kernel=(1, 1), name="pointwise")
    x = mx.sym.Deconvolution(x, num_filter=4, kernel=(3, 3), name="transposed")
    x = mx.sym.FullyConnected(mx.sym.Flatten(x, name="flat"), num_hidden=3, name="dense")
    return mx.sym.SoftmaxOutput(x, name="softmax")


def batches(count=3):
    """The same random images whenever it is called."""
    numbers = np.random.RandomState(0)
    images = numbers.normal(size=(4 * count, 3, 8, 8)).astype("float32")
    return mx.io.NDArrayIter(images, numbers.randint(3, size=4 * count).astype("float32"), batch_size=4)


def bound(symbol, arg_params=None, aux_params=None, **options):
    """A Module that has its values: those given, or such as Xavier draws from a fixed seed."""
    module = mx.mod.Module(symbol, **options)
    module.bind([DATA], [LABEL])
    mx.random.seed(0)
    module.init_params(mx.init.Xavier(), arg_params, aux_params)
    return module


def moved(arg_params):
    """The same values with every D away from the identity, without which equality would prove nothing."""
    ds = [name for name in arg_params if name.endswith("_D")]
    assert ds
    return {**arg_params, **{d: mx.nd.random.normal(0, 0.1, shape=arg_params[d].shape) for d in ds}}


def predictions(module):
    return module.predict(batches()).asnumpy()


def same_parameters(some, others):
    """Whether two Modules, or pairs of dictionaries, hold the same names and bits."""
    pairs = [each.get_params() if isinstance(each, mx.mod.BaseModule) else each for each in (some, others)]
    (args, auxs), (other_args, other_auxs) = pairs
    names = sorted({**args, **auxs})
    assert names == sorted({**other_args, **other_auxs})
    both = [[{**a, **x}[name].asnumpy() for name in names] for a, x in ((args, auxs), (other_args, other_auxs))]
    return same_bits(*both)
