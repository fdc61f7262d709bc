"""One rule ties a kernel's name to its D's, in every spelling that files and networks have."""

from gluon_doconv.core import names

import pytest
from mxnet.gluon import nn

PAIRS = [
    ("a.0.weight", "a.0.D", "a.0"),
    ("net_conv0_weight", "net_conv0_D", "net_conv0"),
    ("arg:net_conv0_weight", "arg:net_conv0_D", "arg:net_conv0"),
    ("arg:weight", "arg:D", "arg:"),
    ("weight", "D", ""),
    ("D.weight", "D.D", "D"),
    ("weight_weight", "weight_D", "weight"),
    ("stage-1-weight", "stage-1-D", "stage-1"),
    ("scope/conv/weight", "scope/conv/D", "scope/conv"),
]
NEITHER = [
    "",
    "a.0.bias",
    "net_batchnorm0_running_mean",
    "aux:moving_mean",
    "myweight",
    "conv3D",
    "weights",
    "d",
]


@pytest.mark.parametrize(("weight", "d", "layer"), PAIRS)
def test_kernel_and_d_name_each_other_and_their_layer(weight, d, layer):
    assert names.d_of(weight) == d and names.weight_of(d, [weight, d]) == weight
    assert names.weight_of(d, [d, "other"]) is None
    assert names.layer_of(weight) == names.layer_of(d) == layer
    assert names.is_weight(weight) and not names.is_d(weight)
    assert names.is_d(d) and not names.is_weight(d)


@pytest.mark.parametrize("name", NEITHER)
def test_other_names_are_neither(name):
    assert not names.is_weight(name) and not names.is_d(name)
    assert names.layer_of(name) == name
    assert names.weight_of(name, ["", "weight", "a.0.weight", name]) is None


@pytest.mark.parametrize("kernel", ["filter", "arg:w", "conv3Dweight", "123"])
def test_a_kernel_of_any_name_has_a_d(kernel):
    d = names.d_of(kernel)
    assert d == f"{kernel}_D" and names.is_d(d) and names.layer_of(d) == kernel
    assert names.weight_of(d, [kernel, d]) == kernel
    assert names.weight_of(d, [f"{kernel}_weight", kernel]) == f"{kernel}_weight"
    assert names.weight_of(d, [d]) is None


def test_a_kernel_is_no_d():
    assert names.weight_of("a.weight", ["a.weight", "a.D", "a."]) is None


@pytest.mark.parametrize(
    ("name", "bare"), [("arg:a_weight", "a_weight"), ("aux:a_mean", "a_mean"), ("a.0.weight", "a.0.weight")]
)
def test_kinds_of_exported_files_are_left_out(name, bare):
    assert names.without_kind(name) == bare


def test_the_words_are_those_of_gluons_layers():
    layer = nn.Conv2D(1, 3, prefix="conv0_")
    assert names.is_weight(layer.weight.name) and names.layer_of(layer.weight.name) == "conv0"
    assert names.WEIGHT in layer._reg_params
