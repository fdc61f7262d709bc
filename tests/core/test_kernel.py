"""The NumPy room: composition against its definition written as loops, and the costs against hand counts."""

import runpy
import sys
from math import prod

from gluon_doconv.core import kernel
from gluon_doconv.core.kernel import Geometry

import numpy as np
import pytest
from cases import cases
from hypothesis import assume, given
from hypothesis import strategies as st


def identity_by_definition(m, s, patch, d_mul):
    """I[m, s]: the identity repeated as often as it fits, then zeros."""
    return float(s % patch == m and s < max(1, d_mul // patch) * patch)


def compose_by_definition(weight, d, case):
    """W'[o, i, m] = Σ_s (D + I)[m, s, c] · W[o, i, s], one scalar at a time."""
    w = weight.reshape(case.channels, case.in_per_group, case.columns)
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
    assert Geometry(8, (3, 2), 1, 7).patch == 6


def test_macc_of_the_paper():
    """Section 3 for M×N = 3×3, D_mul = 9, C_in = 64, C_out = 128 on a 56×56 map."""
    counted = kernel.macc(Geometry(128, (3, 3), 1, 9), in_channels=64, positions=56 * 56)
    assert counted.plain == 128 * 64 * 56 * 56 * 9
    assert counted.kernel == 9 * 9 * 64 * 128 + 128 * 64 * 56 * 56 * 9
    assert counted.feature == 9 * 9 * 64 * 56 * 56 + 128 * 64 * 56 * 56 * 9
    assert counted.cheaper == "kernel"


@given(cases())
def test_macc_counts_every_product(case):
    """The products of each step are the elements its einsum runs over."""
    geometry = Geometry(case.channels, case.kernel_size, case.groups, case.columns)
    positions = prod(case.spatial)
    g, o, i, m, s, p = case.groups, case.out_per_group, case.in_per_group, case.patch, case.columns, positions
    counted = kernel.macc(geometry, case.in_channels, positions)
    assert counted.plain == g * o * i * m * p
    assert counted.kernel == g * o * i * m * s + g * o * i * m * p  # gois,msgi->goim and bgipm,goim->bgop
    assert counted.feature == g * i * s * m * p + g * o * i * s * p  # msgi,gipm->gisp and gois,gisp->gop


def test_feature_composition_is_cheaper_on_a_small_map_or_with_a_small_d_mul():
    assert kernel.macc(Geometry(64, (3, 3), 1, 9), in_channels=8, positions=16).cheaper == "feature"
    assert kernel.macc(Geometry(64, (3, 3), 1, 9), in_channels=8, positions=64).cheaper == "kernel"  # a tie
    assert kernel.macc(Geometry(64, (3, 3), 1, 1), in_channels=8, positions=10**4).cheaper == "feature"


@given(st.integers(1, 20), st.integers(1, 5), st.integers(1, 4), st.integers(0, 3), st.integers(1, 3))
def test_output_shape_counts_the_places_where_the_patch_fits(x, k, stride, pad, dilation):
    last = x + 2 * pad - (dilation * (k - 1) + 1)
    assume(last >= 0)
    places = len(range(0, last + 1, stride))
    assert kernel.output_shape([x], [k], [stride], [pad], [dilation]) == (places,)


def test_the_room_needs_no_mxnet(monkeypatch):
    monkeypatch.setitem(sys.modules, "mxnet", None)
    assert "compose" in runpy.run_path(kernel.__file__)
