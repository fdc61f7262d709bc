"""Optimizers of the Module API under the patch: a D has the multipliers of its weight, whoever sets them."""

from gluon_doconv.core.config import DOConvConfig
from gluon_doconv.patching.converter import Converter
from gluon_doconv.patching.modules import convert_modules

import mxnet as mx
import numpy as np
import pytest
from symbols import DATA, LABEL, batches, bound, moved, small_symbol

pytestmark = pytest.mark.filterwarnings("ignore:Parameters already initialized")  # of fit, after init_params

SGD = {"learning_rate": 0.1, "wd": 1e-3}


@pytest.mark.parametrize("name", ["sgd", "lars"])
def test_multipliers_set_by_name(name):
    undo = convert_modules(Converter(DOConvConfig(d_wd_mult=0.5)))
    try:
        module = bound(small_symbol())
        module.init_optimizer(optimizer=name, optimizer_params={"learning_rate": 1.0, "wd": 1.0})
        optimizer = module._optimizer
        optimizer.set_lr_mult(args_lr_mult={"shared_weight": 0.1})
        optimizer.set_wd_mult(args_wd_mult={"shared_weight": 0.2})
    finally:
        undo()
    assert (optimizer.lr_mult["shared_weight"], optimizer.lr_mult["shared_D"]) == (0.1, 0.1)
    assert (optimizer.wd_mult["shared_weight"], optimizer.wd_mult["shared_D"]) == (0.2, 0.1)
    assert optimizer.wd_mult["conv-0_D"] == 0.5


@pytest.mark.parametrize("kvstore", ["local", "device"])
def test_an_optimizer_of_the_scripts_own(kvstore):
    """It was told of weights before there was a Module, and does not read the attributes of variables."""
    optimizer = mx.optimizer.SGD(learning_rate=0.5, wd=0.1, rescale_grad=0.25)
    undo = convert_modules(Converter(DOConvConfig(d_wd_mult=0.25)))
    try:
        optimizer.set_lr_mult({"shared_weight": 0.0})
        module = mx.mod.Module(small_symbol(), context=[mx.cpu(0), mx.cpu(1)])
        module.bind([DATA], [LABEL])
        module.init_params(mx.init.Xavier())
        arg_params, aux_params = module.get_params()
        start = {name: array.copy() for name, array in moved(arg_params).items()}
        module.set_params(start, aux_params)
        module.init_optimizer(kvstore, optimizer)
        module.forward_backward(next(batches()))
        for gradients in module._exec_group.grad_arrays:  # so that weight decay alone is left
            for gradient in gradients:
                gradient[:] = 0
        module.update()
    finally:
        undo()
    after = module.get_params()[0]
    for d, decay in (("shared_D", 0.0), ("conv-0_D", 0.25), ("grouped_D", 0.25)):
        expected = start[d].asnumpy() * (1 - 0.5 * 0.1 * decay)
        np.testing.assert_allclose(after[d].asnumpy(), expected, rtol=1e-5)
