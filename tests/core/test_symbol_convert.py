"""Symbols are converted: what is chosen, what is refused, and what is told to optimizers of D."""

import gluon_doconv as doconv
from gluon_doconv import DOConvError

import mxnet as mx
import numpy as np
import pytest
from networks import nodes
from symbols import DATA, LABEL, small_symbol

X = mx.sym.var("data")


def convolve(weight=None, name="c", **kwargs):
    kwargs = {"num_filter": 4, "kernel": (3, 3), "no_bias": True, **kwargs}
    inputs = [X] if weight is None else [X, weight]
    return mx.sym.Convolution(*inputs, name=name, **kwargs)


def test_every_spatial_convolution_gains_a_d_after_its_weight():
    plain = small_symbol()
    before = nodes(plain)
    symbol, arg_params, report = doconv.over_parameterize_symbol(plain)
    assert report.changed == ["conv-0", "grouped", "shared"]
    assert report.skipped == {"pointwise": "pointwise"}
    assert [layer.kind for layer in report.layers] == ["DO-Conv", "DO-GConv", "DO-Conv", "DO-Conv"]
    ds = {"conv-0_D", "grouped_D", "shared_D"}
    assert [name for name in symbol.list_arguments() if name not in ds] == plain.list_arguments()
    arguments = symbol.list_arguments()
    assert all(arguments[arguments.index(d) - 1] == d[:-1] + "weight" for d in ds)
    assert symbol.list_auxiliary_states() == plain.list_auxiliary_states()
    assert arg_params is None
    assert nodes(plain) == before


def test_shapes_resolve_from_the_data_alone():
    symbol = doconv.over_parameterize_symbol(small_symbol(), d_mul=12)[0]
    shapes = dict(zip(symbol.list_arguments(), symbol.infer_shape(**dict([DATA, LABEL]))[0]))
    assert [shapes[name] for name in ("conv-0_D", "grouped_D", "shared_D")] == [
        (1, 3, 3, 12, 3),
        (1, 1, 3, 12, 8),
        (1, 3, 3, 12, 8),
    ]
    assert [shapes[f"{name}_weight"] for name in ("conv-0", "grouped", "shared")] == [
        (8, 3, 12),
        (8, 2, 12),
        (8, 8, 12),
    ]


@pytest.mark.parametrize(
    "selection, changed",
    [
        ({"include": "shared"}, ["shared"]),
        ({"include": "^one$"}, ["shared"]),  # the name of a node
        ({"exclude": ["conv", "group"]}, ["shared"]),
        ({"part": "head"}, ["conv-0", "grouped", "shared"]),
    ],
)
def test_selections(selection, changed):
    assert doconv.over_parameterize_symbol(small_symbol(), **selection)[2].changed == changed


def test_stages():
    x = mx.sym.Convolution(X, num_filter=4, kernel=(3, 3), name="conv0")
    for stage in (1, 2):
        x = mx.sym.Convolution(x, num_filter=4, kernel=(3, 3), name=f"stage{stage}_unit1_conv1")
    report = doconv.over_parameterize_symbol(x, stages=[0, 2])[2]
    assert report.changed == ["conv0", "stage2_unit1_conv1"]
    assert report.skipped == {"stage1_unit1_conv1": "in stage 1"}


@pytest.mark.parametrize(
    "symbol, reason",
    [
        (convolve(mx.sym.var("kernel")), "its kernel is called kernel, not …_weight"),
        (convolve(mx.sym.var("c_weight")) + mx.sym.sum(mx.sym.var("c_D")), "there is another variable c_D"),
    ],
)
def test_convolutions_with_an_obstacle(symbol, reason):
    others = mx.sym.Convolution(X, num_filter=4, kernel=(3, 3), name="other")
    report = doconv.over_parameterize_symbol(mx.sym.Group([symbol, others]))[2]
    assert report.changed == ["other"]
    assert list(report.skipped.values()) == [reason]


def test_a_weight_with_another_reader_is_left_alone():
    """Once folded, the other would read W′ where it has read W."""
    weight = mx.sym.var("c_weight")
    other = mx.sym.Convolution(X, num_filter=4, kernel=(3, 3), name="other")
    penalty = mx.sym.square(weight, name="penalty")
    for symbol, reader in [
        (mx.sym.Group([convolve(weight), penalty, other]), "penalty"),
        (mx.sym.Group([convolve(weight), weight, other]), "the outputs"),
        (
            mx.sym.Group(
                [
                    convolve(weight),
                    mx.sym.Deconvolution(X, weight, num_filter=3, kernel=(3, 3), name="t"),
                    other,
                ]
            ),
            "t",
        ),
    ]:
        report = doconv.over_parameterize_symbol(symbol)[2]
        assert report.skipped == {"c": f"its weight is read by {reader} too"}


def kernel(channels=4, in_channels=3):
    return {"c_weight": mx.nd.ones((channels, in_channels, 3, 3))}


@pytest.mark.parametrize(
    "symbol, arg_params, config, message",
    [
        (convolve(), None, {"include": "d"}, "matches no convolution.*for instance c"),
        (convolve(kernel=(1, 1)), None, {}, "nothing to over-parameterize"),
        (mx.sym.relu(X), None, {}, "nothing to over-parameterize"),
        (mx.sym.zeros((2, 2)), None, {}, "nothing to over-parameterize"),
        (convolve(layout="NHWC"), None, {}, "c: layout 'NHWC' is not supported"),
        (convolve(), None, {"composition": "feature"}, "in a symbol only composition='kernel'"),
        (convolve(), kernel(), {"d_mul": 5}, "d_mul=5 is below M·N=9"),
        (convolve(), kernel(5), {}, "c_weight of shape .5, 3, 3, 3. is not the kernel of c"),
        (convolve(), None, {"d_mul": 0}, "d_mul=0"),
        (mx.mod.Module(convolve(), label_names=None), None, {}, "was given a Module; it takes a Symbol"),
        (mx.gluon.nn.Conv2D(3, 3), None, {}, "was given a Conv2D.*go to gluon_doconv.over_parameterize"),
        (convolve(), (kernel(), {}), {}, "was given a tuple as arg_params; it takes a dictionary"),
        (convolve(), {"arg:c_weight": mx.nd.ones(1)}, {}, "none of the 1 arg_params, such as 'arg:c_weight'"),
    ],
)
def test_refused(symbol, arg_params, config, message):
    with pytest.raises(DOConvError, match=message):
        doconv.over_parameterize_symbol(symbol, arg_params, **config)


def test_twice_is_once():
    once = doconv.over_parameterize_symbol(small_symbol())[0]
    with pytest.warns(doconv.DOConvWarning, match="DO-Conv already"):
        twice, _, report = doconv.over_parameterize_symbol(once)
    assert twice is once
    assert report.skipped["conv-0"] == "DO-Conv already"


def test_some_first_and_others_later():
    first = doconv.over_parameterize_symbol(small_symbol(), include="shared")[0]
    symbol, _, report = doconv.over_parameterize_symbol(first, exclude="grouped")
    assert report.changed == ["conv-0"]
    assert {"conv-0_D", "shared_D"} < set(symbol.list_arguments())
    assert nodes(doconv.fold_symbol(symbol)[0]) == nodes(small_symbol())


def with_attributes():
    weight = mx.sym.var("c_weight", attr={"__lr_mult__": "0.1", "__wd_mult__": "0.5", "__ctx_group__": "dev1"})
    return convolve(weight)


def in_a_scope():
    with mx.AttrScope(lr_mult="0.1", wd_mult="0.5"):
        return convolve()


@pytest.mark.parametrize(
    "build, expected",
    [
        (convolve, (1.0, 1.0)),
        (lambda: convolve(mx.sym.var("c_weight", lr_mult=0.1, wd_mult=0.5)), (0.1, 0.5)),
        (lambda: convolve(mx.sym.var("c_weight", wd_mult=0.0)), (1.0, 0.0)),
        (with_attributes, (0.1, 0.5)),
        (in_a_scope, None),
    ],
)
@pytest.mark.parametrize("d_wd_mult", [1.0, 0.25])
def test_an_optimizer_treats_d_as_its_weight(build, expected, d_wd_mult):
    """Against what MXNet's own optimizer reads from the stock symbol for the weight."""
    stock = optimizer_of(build())
    mine = optimizer_of(doconv.over_parameterize_symbol(build(), d_wd_mult=d_wd_mult)[0])
    rates, decays = (read(stock, "c_weight") for read in (rate, decay))
    assert (rate(mine, "c_D"), decay(mine, "c_D")) == (rates, decays * d_wd_mult)
    assert (rate(mine, "c_weight"), decay(mine, "c_weight")) == (rates, decays)
    assert expected is None or (rates, decays) == expected


def optimizer_of(symbol):
    names = dict(enumerate(symbol.list_arguments()))
    return mx.optimizer.create("sgd", sym=symbol, param_idx2name=names, learning_rate=1.0, wd=1.0)


def rate(optimizer, name):
    return optimizer._get_lr(index_of(optimizer, name))


def decay(optimizer, name):
    return optimizer._get_wd(index_of(optimizer, name))


def index_of(optimizer, name):
    return next(index for index, known in optimizer.idx2name.items() if known == name)


def test_the_context_group_of_a_weight_is_that_of_its_d():
    symbol = doconv.over_parameterize_symbol(with_attributes())[0]
    assert symbol.attr_dict()["c_D"]["__ctx_group__"] == "dev1"


def test_d_starts_by_its_own_rule_whatever_the_initializer():
    symbol = doconv.over_parameterize_symbol(small_symbol(), d_initializer="he")[0]
    for initializer in (mx.init.One(), mx.init.Mixed([".*"], [mx.init.One()])):
        module = mx.mod.Module(symbol)
        module.bind([DATA], [LABEL])
        module.init_params(initializer)
        values = module.get_params()[0]
        assert np.all(values["shared_weight"].asnumpy() == 1)
        total = values["shared_D"].asnumpy() + np.eye(9)[:, :, None]
        assert abs(total.std() - np.sqrt(2 / 9)) < 0.05
        assert abs(total.mean()) < 0.06


@pytest.mark.parametrize(
    "before", [lambda x: x, mx.sym.Dropout]
)  # which has to know the precision of its input
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_the_precision_of_a_weight_is_that_of_its_d(dtype, before):
    x = mx.sym.Cast(before(X), dtype=dtype)
    symbol = mx.sym.Convolution(x, num_filter=4, kernel=(3, 3), name="c")
    symbol = doconv.over_parameterize_symbol(symbol)[0]
    types = dict(zip(symbol.list_arguments(), symbol.infer_type(data="float32")[0]))
    assert types["c_D"] == types["c_weight"] == np.dtype(dtype)
    assert symbol.infer_type(data="float32")[1] == [np.dtype(dtype)]
