"""Multiply-accumulates and shapes of outputs, against hand counts and against what an einsum runs over."""

from math import prod

from gluon_doconv.core.kernel import Geometry
from gluon_doconv.core.macc import macc, output_shape

from cases import cases
from hypothesis import assume, given
from hypothesis import strategies as st


def test_macc_of_the_paper():
    """Section 3 for M×N = 3×3, D_mul = 9, C_in = 64, C_out = 128 on a 56×56 map."""
    counted = macc(Geometry(128, (3, 3), 1, 9), in_channels=64, positions=56 * 56)
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
    counted = macc(geometry, case.in_channels, positions)
    assert counted.plain == g * o * i * m * p
    assert counted.kernel == g * o * i * m * s + g * o * i * m * p  # gois,msgi->goim and bgipm,goim->bgop
    assert counted.feature == g * i * s * m * p + g * o * i * s * p  # msgi,gipm->gisp and gois,gisp->gop


def test_feature_composition_is_cheaper_on_a_small_map_or_with_a_small_d_mul():
    assert macc(Geometry(64, (3, 3), 1, 9), in_channels=8, positions=16).cheaper == "feature"
    assert macc(Geometry(64, (3, 3), 1, 9), in_channels=8, positions=64).cheaper == "kernel"  # a tie
    assert macc(Geometry(64, (3, 3), 1, 1), in_channels=8, positions=10**4).cheaper == "feature"


@given(st.integers(1, 20), st.integers(1, 5), st.integers(1, 4), st.integers(0, 3), st.integers(1, 3))
def test_output_shape_counts_the_places_where_the_patch_fits(x, k, stride, pad, dilation):
    last = x + 2 * pad - (dilation * (k - 1) + 1)
    assume(last >= 0)
    places = len(range(0, last + 1, stride))
    assert output_shape([x], [k], [stride], [pad], [dilation]) == (places,)
