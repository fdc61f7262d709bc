"""The operator against NumPy in float64, and the same bits from any number of threads."""

import json
import subprocess
import sys
from math import prod

from gluon_doconv.core import kernel
from gluon_doconv.native.operator import in_force, operator

import mxnet as mx
import numpy as np
import pytest

pytestmark = pytest.mark.skipif(operator() is None, reason=in_force())

# C_out, C_in, groups, kernel, D_mul: rows and channels beyond a block, one to three axes, D_mul of every kind
SIZES = [
    (9, 130, 1, (3, 3), 9),
    (12, 6, 3, (3, 3), 20),
    (8, 8, 8, (3, 3), 4),
    (5, 3, 1, (11, 11), 121),
    (6, 4, 2, (3,), 3),
    (6, 4, 1, (3, 3, 3), 30),
    (300, 260, 2, (3, 3), 9),
]


def arrays(channels, in_channels, groups, kernel_size, d_mul):
    random = np.random.default_rng(0)
    area = prod(kernel_size)
    tail = kernel_size if d_mul == area else (d_mul,)
    shapes = (channels, in_channels // groups, *tail), (area, d_mul, in_channels)
    return [random.normal(size=shape) for shape in (*shapes, (*shapes[0][:2], *kernel_size))]


def composed(weight, d, head, dtype):
    """W', and the gradients of W and D, as the operator computes them."""
    weight, d = (mx.nd.array(array, dtype=dtype) for array in (weight, d))
    for array in (weight, d):
        array.attach_grad()
    with mx.autograd.record():
        folded = operator()(weight, d, head.shape[2:])
    folded.backward(mx.nd.array(head, dtype=dtype))
    return [array.asnumpy() for array in (folded, weight.grad, d.grad)]


def definition(weight, d, head):
    """The same by NumPy: W' is linear in W and in D + I, and a gradient is the adjoint."""
    area, d_mul, in_channels = d.shape
    groups = in_channels // weight.shape[1]
    total = (d + kernel.identity(area, d_mul)[:, :, None]).reshape(area, d_mul, groups, -1)
    w = weight.reshape(groups, -1, weight.shape[1], d_mul)
    h = head.reshape(groups, -1, weight.shape[1], area)
    for_w = np.einsum("msgi,goim->gois", total, h).reshape(weight.shape)
    for_d = np.einsum("goim,gois->msgi", h, w).reshape(d.shape)
    return [kernel.compose(weight, d, head.shape[2:]), for_w, for_d]


@pytest.mark.parametrize(("dtype", "digits"), [("float32", 1e-5), ("float64", 1e-13)])
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_it_is_the_definition_and_its_adjoint(size, dtype, digits):
    given = [array.astype(dtype).astype("float64") for array in arrays(*size)]
    for found, expected in zip(composed(*given, dtype), definition(*given)):
        assert found.dtype == dtype and found.shape == expected.shape
        np.testing.assert_allclose(found, expected, atol=digits * np.abs(expected).max(), rtol=0)


@pytest.mark.parametrize("dtypes", [("float32", "float64"), ("float16", "float16")])
def test_other_dtypes_are_refused(dtypes):
    weight, d, head = arrays(*SIZES[0])
    weight, d = (mx.nd.array(array, dtype=dtype) for array, dtype in zip((weight, d), dtypes))
    with pytest.raises(mx.MXNetError, match="float32 both, or float64 both"):
        operator()(weight, d, head.shape[2:]).wait_to_read()


@pytest.mark.parametrize("d", [(9, 9, 5), (9, 8, 4), (8, 9, 4), (9, 36), (9, 9, 12)], ids=str)
def test_shapes_that_do_not_belong_together_are_refused(d):
    with pytest.raises(mx.MXNetError, match="do not belong together"):
        operator()(mx.nd.ones((4, 4, 3, 3)), mx.nd.ones(d), (3, 3)).wait_to_read()


DIGEST = """
import hashlib, json, os, sys
sys.path.insert(0, sys.argv[1])
from test_operator import SIZES, arrays, composed
import mxnet as mx

def digest():
    found = (array for size in SIZES for array in composed(*arrays(*size), "float32"))
    return hashlib.sha256(b"".join(array.tobytes() for array in found)).hexdigest()

print(json.dumps(digest()), flush=True)
mx.nd.waitall()
child = os.fork()
if child == 0:
    print(json.dumps(digest()), flush=True)
    os._exit(0)
os.waitpid(child, 0)
"""


def test_bits_are_those_of_one_thread_also_in_a_forked_process(request):
    command = [sys.executable, "-c", DIGEST, str(request.path.parent)]
    at_once = [
        subprocess.Popen(["env", f"OMP_NUM_THREADS={threads}", *command], stdout=subprocess.PIPE)
        for threads in (1, 3)
    ]
    digests = [json.loads(line) for process in at_once for line in process.communicate()[0].splitlines()]
    assert len(digests) == 4 and len(set(digests)) == 1
