"""What people pass by mistake: each public function says in one sentence what was given and what is wanted."""

import inspect
import warnings
from pathlib import Path

import gluon_doconv as doconv
from gluon_doconv.core import arguments

import mxnet as mx
import numpy as np
import pytest
from gluoncv.utils.parallel import DataParallelModel
from mxnet.gluon import SymbolBlock, nn
from networks import images, small

PUBLIC = {name: getattr(doconv, name) for name in doconv.__all__ if inspect.isroutine(getattr(doconv, name))}
SIGNATURES = {name: inspect.signature(function).parameters for name, function in PUBLIC.items()}
PATHS = ("path", "source", "target", "prefix", "target_prefix")


def functions_with(parameter):
    return [name for name, parameters in SIGNATURES.items() if parameter in parameters]


def call(name, tmp_path, **mistaken):
    """Call a public function with one argument mistaken and the others as they should be."""
    target = str(tmp_path / "file")
    right = {"net": nn.Conv2D(4, 3, in_channels=3), "input_shape": (1, 3, 8, 8), "epoch": 0}
    right.update(dict.fromkeys(PATHS, target))
    wanted = [
        parameter
        for parameter in SIGNATURES[name].values()
        if parameter.default is parameter.empty and parameter.kind is not parameter.VAR_KEYWORD
    ]
    given = {parameter.name: right[parameter.name] for parameter in wanted if parameter.name not in mistaken}
    return PUBLIC[name](**given, **mistaken)


def test_the_public_functions_are_found():
    """Otherwise what follows would prove nothing."""
    assert len(functions_with("net")) >= 10 and len(PUBLIC) > 20
    assert {"fold_params", "inspect", "export", "import_pytorch"} <= set(
        functions_with("path") + functions_with("source")
    )


class Estimator:
    net = nn.Conv2D(4, 3)


NO_NETWORKS = {
    "name": ("resnet18_v1b", "'resnet18_v1b' (a str) was given", "build it first"),
    "file": (Path("net.params"), "Path('net.params')", "fold_params"),
    "parameters": (nn.Conv2D(4, 3).collect_params(), "a ParameterDict was given", "give the network"),
    "symbol": (mx.sym.var("data"), "a Symbol was given", "SymbolBlock"),
    "class": (nn.Conv2D, "a type was given", "call it"),
    "factory": (small, "a function was given", "call it"),
    "list": ([nn.Conv2D(4, 3)], "a list was given", "one by one"),
    "estimator": (Estimator(), "an Estimator was given", "give its .net"),
    "array": (mx.nd.zeros((1, 3, 4, 4)), "a NDArray was given", "where a network (a gluon Block) is wanted"),
    "None": (None, "None (a NoneType) was given", "where a network (a gluon Block) is wanted"),
}


@pytest.mark.parametrize(("mistake", "said", "hint"), NO_NETWORKS.values(), ids=NO_NETWORKS.keys())
@pytest.mark.parametrize("name", functions_with("net"))
def test_what_is_no_network(name, mistake, said, hint, tmp_path):
    with pytest.raises(doconv.DOConvError) as raised:
        call(name, tmp_path, net=mistake)
    message = str(raised.value)
    assert message.startswith("net: ") and said in message and hint in message and "\n" not in message
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("mistake", [None, 3, b"net.params", "", ["net.params"], mx.nd.zeros((1,))], ids=repr)
@pytest.mark.parametrize(("name", "parameter"), [(n, p) for p in PATHS for n in functions_with(p)])
def test_what_is_no_path(name, parameter, mistake, tmp_path):
    with pytest.raises(
        doconv.DOConvError, match=rf"^{parameter}: .* was given where a path such as .* is wanted"
    ):
        call(name, tmp_path, **{parameter: mistake})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "mistake",
    [
        ("batch", 3, 8, 8),
        (None, 3, 8, 8),
        (0, 3, 8, 8),
        (-1, 3, 8, 8),
        (1.0, 3, 8, 8),
        "1,3,8,8",
        8,
        (),
        {1: 2},
        (True,),
    ],
    ids=repr,
)
@pytest.mark.parametrize("name", functions_with("input_shape"))
def test_what_is_no_shape(name, mistake, tmp_path):
    with pytest.raises(
        doconv.DOConvError, match=r"^input_shape: .* was given where the shape of a batch .* is wanted"
    ):
        call(name, tmp_path, input_shape=mistake)
    assert list(tmp_path.iterdir()) == []


def test_no_shape_among_several(tmp_path):
    with pytest.raises(doconv.DOConvError, match=r"^input_shape: \('batch', 3\) \(a tuple\) was given"):
        call("export_onnx", tmp_path, input_shape=[(1, 3, 8, 8), ("batch", 3)])


@pytest.mark.parametrize("epoch", [None, True, "3", -1])
def test_no_epoch_of_a_checkpoint(epoch, tmp_path):
    with pytest.raises(doconv.DOConvError, match=rf"^epoch: {epoch!r}"):
        doconv.fold_symbol(str(tmp_path / "net"), epoch, str(tmp_path / "folded"))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "mistaken", "said"),
    [
        ("export", {"epoch": "3"}, r"^epoch: '3' \(a str\) was given where a whole number"),
        ("export", {"epoch": -1}, r"^epoch: -1 \(an int\)"),
        (
            "load_parameters",
            {"ctx": "gpu"},
            r"^ctx: 'gpu' \(a str\) was given where a context such as mx.cpu",
        ),
        ("load_parameters", {"ctx": [mx.cpu(), 0]}, "^ctx: "),
        ("load_parameters", {"ctx": []}, "^ctx: "),
        ("export_onnx", {"dtype": "float31"}, r"^dtype: 'float31' \(a str\) was given"),
        ("export_onnx", {"dtype": 32}, "^dtype: 32"),
        ("import_pytorch", {"source": [1]}, "^source: "),
        ("register_macc", {"operator": len, "handler": len}, "^operator: "),
        ("register_macc", {"operator": "mine", "handler": 3}, "^handler: 3"),
        ("add_options", {"parser": None}, "^parser: None"),
        ("patch_from_options", {"args": {"doconv": True}}, r"^args: .* was given where the namespace"),
        ("patch_from_options", {"args": (None, [])}, "^args: "),
        ("patch_from_environment", {"environ": "GLUON_DOCONV=1"}, "^environ: "),
        ("over_parameterize", {"stages": "1,2"}, "^stages='1,2': stages are whole numbers"),
        ("over_parameterize", {"d_mul": "18"}, "^d_mul='18': .* whole number"),
        ("over_parameterize", {"include": b"conv"}, "^include=b'conv': "),
        ("over_parameterize", {"composition": None}, "^composition=None: choose from"),
    ],
)
def test_other_mistakes(name, mistaken, said, tmp_path):
    with pytest.raises(doconv.DOConvError, match=said):
        call(name, tmp_path, **mistaken)
    assert not doconv.is_patched() and list(tmp_path.iterdir()) == []


def test_a_data_parallel_model_is_its_network(tmp_path):
    net, same = small(in_channels=3), small(in_channels=3)
    parallel = DataParallelModel(net, [mx.cpu()])
    x = images(8)
    net(x), same(x)
    assert doconv.over_parameterize(parallel).changed == doconv.over_parameterize(same).changed
    assert len(doconv.summary(parallel).doconv) == 3
    assert [layer.name for layer in doconv.costs(parallel, x.shape).layers] == [
        layer.name for layer in doconv.costs(same, x.shape).layers
    ]
    net.save_parameters(str(tmp_path / "net.params"))
    doconv.load_parameters(parallel, tmp_path / "net.params")
    expected = net(x).asnumpy()
    symbol_file, params_file = doconv.export(parallel, tmp_path / "net")
    np.testing.assert_array_equal(
        SymbolBlock.imports(symbol_file, ["data"], params_file)(x).asnumpy(), expected
    )
    assert len(doconv.fold(parallel).changed) == 3
    np.testing.assert_array_equal(net(x).asnumpy(), expected)


@pytest.mark.parametrize("given", [{}, {"nonsense": 1}, {"net": nn.Conv2D(4, 3), "nonsense": 1}])
@pytest.mark.parametrize("name", functions_with("net"))
def test_arguments_that_there_are_not_are_refused_in_pythons_words(name, given):
    function = PUBLIC[name]
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in SIGNATURES[name].values()):
        given = {key: value for key, value in given.items() if key == "net"}
    with pytest.raises(TypeError) as stock:
        function.__wrapped__(**given)
    with pytest.raises(TypeError) as mine:
        function(**given)
    assert str(mine.value) == str(stock.value)


@arguments.takes(number=arguments.an_epoch)
def add(number, *more, times=1, **rest):
    return number + sum(more) * times + sum(rest.values())


@pytest.mark.parametrize(
    ("args", "kwargs", "expected"),
    [
        ((1,), {}, 1),
        ((), {"number": 1}, 1),
        ((1, 2), {"times": 3}, 7),
        ((1,), {"other": 2}, 3),
        ((np.int64(1),), {}, 1),
    ],
)
def test_a_checked_function_is_called_as_it_was(args, kwargs, expected):
    assert add(*args, **kwargs) == expected


def test_a_default_needs_no_check():
    @arguments.takes(number=arguments.an_epoch)
    def function(number=None):
        return number

    assert function() is None
    with pytest.raises(doconv.DOConvError, match=r"^number: "):
        function(None)


@pytest.mark.parametrize("function", [doconv.over_parameterize, doconv.fold])
def test_a_warning_points_at_who_called(function):
    net = nn.Conv2D(4, 3, in_channels=3)
    if function is doconv.over_parameterize:
        doconv.over_parameterize(net)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        function(net)
    assert [warning.filename for warning in caught] == [__file__]
