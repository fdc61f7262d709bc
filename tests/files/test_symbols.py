"""Checkpoints of the Module API: plain to DO-Conv and back, in Python and on the command line."""

from pathlib import Path

import gluon_doconv as doconv
from gluon_doconv.cli import main

import mxnet as mx
import pytest
from click.testing import CliRunner
from networks import nodes, same_bits
from symbols import bound, moved, predictions, same_parameters, small_symbol


@pytest.fixture
def plain(tmp_path):
    prefix = tmp_path / "plain"
    bound(small_symbol()).save_checkpoint(str(prefix), 7)
    return prefix


def loaded(prefix):
    symbol, arg_params, aux_params = mx.model.load_checkpoint(str(prefix), 7)
    return bound(symbol, arg_params, aux_params)


def in_python(plain, target):
    report = doconv.over_parameterize_symbol(plain, 7, target, exclude="grouped", d_mul=12)
    assert report.changed == ["conv-0", "shared"]


def on_the_command_line(plain, target):
    command = ["convert", str(plain), str(target), "--epoch", "7", "--exclude", "grouped", "--d-mul", "12"]
    result = CliRunner().invoke(main, command, catch_exceptions=False)
    assert result.exit_code == 0
    assert "over-parameterized: 2 of 4 convolutions" in result.output


@pytest.mark.parametrize("convert", [in_python, on_the_command_line])
def test_a_checkpoint_becomes_doconv_and_plain_again(convert, plain, tmp_path):
    convert(plain, tmp_path / "doconv")
    stock, module = loaded(plain), loaded(tmp_path / "doconv")
    arg_params, aux_params = module.get_params()
    assert set(arg_params) == {*stock.get_params()[0], "conv-0_D", "shared_D"}
    assert same_bits([predictions(module)], [predictions(stock)])

    trained = bound(module.symbol, moved(arg_params), aux_params)
    trained.save_checkpoint(str(tmp_path / "trained"), 7)
    names = doconv.fold_symbol(tmp_path / "trained", 7, tmp_path / "folded")
    assert names == ["conv-0", "shared"]
    folded = loaded(tmp_path / "folded")
    assert nodes(folded.symbol) == nodes(stock.symbol)
    assert same_bits([predictions(folded)], [predictions(trained)])
    in_memory = doconv.fold_symbol(trained.symbol, trained.get_params()[0])
    assert same_parameters(folded, (in_memory.arg_params, trained.get_params()[1]))


def without(suffix):
    return lambda plain: Path(f"{plain}{suffix}").unlink()


def of_another_network(plain):
    mx.nd.save(f"{plain}-0007.params", {"arg:conv-0_weight": mx.nd.ones((8, 3, 5, 5))})


def doconv_already(plain):
    doconv.over_parameterize_symbol(plain, 7, plain)


@pytest.mark.parametrize(
    "spoil, message",
    [
        (without("-symbol.json"), "plain-symbol.json: there is no such file"),
        (without("-0007.params"), "plain-0007.params: there is no such file"),
        (of_another_network, "conv-0_weight of shape .8, 3, 5, 5. is not the kernel"),
        (doconv_already, "plain-symbol.json is DO-Conv already"),
    ],
)
def test_nothing_is_written_of_what_cannot_be_converted(spoil, message, plain, tmp_path):
    spoil(plain)
    with pytest.raises(doconv.DOConvError, match=message):
        doconv.over_parameterize_symbol(plain, 7, tmp_path / "target")
    assert not list(tmp_path.glob("target*"))


def test_a_mistake_on_the_command_line_is_one_line(plain):
    for command in (
        ["convert", str(plain), "x", "--epoch", "8"],
        ["convert", str(plain), "x", "--include", "nothing"],
    ):
        result = CliRunner().invoke(main, command)
        assert (result.exit_code, len(result.output.splitlines())) == (1, 1)
