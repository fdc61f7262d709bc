"""The NumPy room: composition against its definition written as loops."""

import runpy
import sys

from gluon_doconv.core import kernel
from gluon_doconv.core.kernel import Geometry

import numpy as np
import pytest
from cases import cases
from hypothesis import given
from hypothesis import strategies as st


def identity_by_definition(m, s, patch, d_mul):
    """I[m, s]: the identity repeated as often as it fits, then zeros."""
    return float(s % patch == m and s < max(1, d_mul // patch) * patch)


def compose_by_definition(weight, d, case):
    """W'[o, i, m] = Σ_s (D + I)[m, s, c] · W[o, i, s], one scalar at a time."""
    w = weight.reshape(case.channels, case.in_per_group, case.columns)
    d = d.reshape(case.patch, case.columns, case.in_channels)
    folded = np.zeros((case.channels, case.in_per_group, case.patch))
    for o, i, m in np.ndindex(folded.shape):
        c = o // case.out_per_group * case.in_per_group + i  # the input channel that o reads as its i-th
        for s in range(case.columns):
            total = d[m, s, c] + identity_by_definition(m, s, case.patch, case.columns)
            folded[o, i, m] += total * w[o, i, s]
    return folded.reshape(case.channels, case.in_per_group, *case.kernel_size)


@given(cases())
def test_compose_is_its_definition(case):
    arrays = case.arrays()
    folded = kernel.compose(arrays["weight"], arrays["D"], case.kernel_size)
    expected = compose_by_definition(arrays["weight"], arrays["D"], case)
    np.testing.assert_allclose(folded, expected, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize(
    "patch, d_mul, expected",
    [
        (2, 1, [[1], [0]]),
        (2, 2, [[1, 0], [0, 1]]),
        (2, 3, [[1, 0, 0], [0, 1, 0]]),
        (2, 5, [[1, 0, 1, 0, 0], [0, 1, 0, 1, 0]]),
    ],
)
def test_identity_is_tiled_as_often_as_it_fits(patch, d_mul, expected):
    np.testing.assert_array_equal(kernel.identity(patch, d_mul), expected)


@given(cases(), st.integers(0, 30))
def test_an_expanded_kernel_composes_to_itself(case, extra):
    plain = np.random.default_rng(case.seed).normal(size=(case.channels, case.in_per_group, *case.kernel_size))
    weight = kernel.expand(plain, case.patch + extra)
    assert weight.shape == (case.channels, case.in_per_group, case.patch + extra)
    d = np.zeros((case.patch, case.patch + extra, case.in_channels))
    np.testing.assert_array_equal(kernel.compose(weight, d, case.kernel_size), plain)


def test_columns_outside_the_identity_repeat_the_kernel():
    plain = np.arange(1.0, 5.0).reshape(1, 1, 2, 2)
    np.testing.assert_array_equal(kernel.expand(plain, 11), [[[1, 2, 3, 4, 0, 0, 0, 0, 1, 2, 3]]])


def test_a_small_d_mul_holds_no_plain_kernel():
    with pytest.raises(ValueError, match="d_mul=3 is below M·N=4"):
        kernel.expand(np.ones((1, 1, 2, 2)), 3)


@given(cases())
def test_geometry_is_read_from_the_shapes_of_the_arrays(case):
    arrays = case.arrays()
    geometry = Geometry.of(arrays["weight"].shape, arrays["D"].shape, case.kernel_size)
    assert geometry == Geometry(case.channels, case.kernel_size, case.groups, case.columns)


def test_geometry_tells_the_shape_of_weight():
    assert Geometry(8, (3, 2), 1, 6).weight_tail == (3, 2)
    assert Geometry(8, (3, 2), 1, 7).weight_tail == (7,)
    assert Geometry(8, (3, 2), 1, 7).kernel_area == 6


def test_the_room_needs_no_mxnet(monkeypatch):
    monkeypatch.setitem(sys.modules, "mxnet", None)
    assert "compose" in runpy.run_path(kernel.__file__)
