"""The command line, run as a person runs it: what it writes, what it says, how it refuses."""

import re
import subprocess
import sys

import gluon_doconv as doconv
from gluon_doconv.cli import main

import mxnet as mx
import numpy as np
import pytest
from click.testing import CliRunner
from gluoncv.model_zoo import get_model

MODEL = "cifar_resnet20_v1"


def call(*arguments, code=0):
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert result.exit_code == code, result.output
    return result.output


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A DO-Conv network away from the identity, its checkpoint and its export, and what it computes."""
    folder = tmp_path_factory.mktemp("trained")
    mx.random.seed(0)
    net = get_model(MODEL, classes=10)
    net.initialize(mx.init.Xavier())
    x = mx.nd.random.normal(shape=(2, 3, 32, 32))
    net(x)
    doconv.over_parameterize(net)
    for d in net.collect_params(".*D$").values():
        d.set_data(mx.nd.random.normal(0, 0.1, shape=d.shape))
    net.hybridize()
    outputs = net(x).asnumpy()
    net.save_parameters(str(folder / "doconv.params"))
    net.export(str(folder / "exported"))
    return folder, x, outputs


def test_fold_a_checkpoint(trained, tmp_path):
    folder, x, outputs = trained
    said = call("fold", folder / "doconv.params", tmp_path / "plain.params")
    assert "19 DO-Conv layers folded" in said
    stock = get_model(MODEL, classes=10)
    stock.load_parameters(str(tmp_path / "plain.params"))
    np.testing.assert_array_equal(stock(x).asnumpy(), outputs)


def test_fold_an_exported_graph(trained, tmp_path):
    folder, x, outputs = trained
    call("fold", folder / "exported", tmp_path / "plain")
    net = mx.gluon.SymbolBlock.imports(
        str(tmp_path / "plain-symbol.json"), ["data"], str(tmp_path / "plain-0000.params")
    )
    np.testing.assert_array_equal(net(x).asnumpy(), outputs)


def test_export_symbol_and_onnx(trained, tmp_path):
    folder, x, outputs = trained
    shared = [
        "export",
        MODEL,
        "--classes",
        10,
        "--params",
        folder / "doconv.params",
        "--input-shape",
        "2,3,32,32",
    ]
    call(*shared, "--output", tmp_path / "net")
    net = mx.gluon.SymbolBlock.imports(
        str(tmp_path / "net-symbol.json"), ["data"], str(tmp_path / "net-0000.params")
    )
    np.testing.assert_array_equal(net(x).asnumpy(), outputs)
    call(*shared, "--output", tmp_path / "net", "--format", "onnx")
    import onnxruntime

    session = onnxruntime.InferenceSession(str(tmp_path / "net.onnx"), providers=["CPUExecutionProvider"])
    assert [value.name for value in session.get_inputs()] == ["data"]
    difference = np.abs(session.run(None, {"data": x.asnumpy()})[0] - outputs).max()
    assert difference < 1e-5 * np.abs(outputs).max()


def test_inspect_tells_the_form(trained, tmp_path):
    folder, _, _ = trained
    assert re.search(r"features.0 +\(16, 3, 3, 3\) +\(9, 9, 3\)", call("inspect", folder / "doconv.params"))
    call("fold", folder / "doconv.params", tmp_path / "plain.params")
    assert "plain (or folded)" in call("inspect", tmp_path / "plain.params")


def test_summary_counts(trained):
    said = call("summary", MODEL, "--input-shape", "1,3,32,32")
    assert "19 of 21 convolutions are DO-Conv" in said
    assert "MACC of the DO-Conv layers" in said


def test_summary_counts_at_the_models_own_size():
    said = call("summary", MODEL)
    assert "19 of 21 convolutions are DO-Conv" in said and "?" not in said
    by_hand = 9 * (
        3 * 16 * 32**2 + 6 * 16 * 16 * 32**2 + (16 * 32 + 5 * 32 * 32) * 16**2 + (32 * 64 + 5 * 64 * 64) * 8**2
    )
    assert f"plain and folded {by_hand:,}" in said
    assert said.endswith("Counted for an input of shape (1, 3, 32, 32).\n")


def test_summary_counts_at_another_size():
    own, quarter = call("summary", MODEL), call("summary", MODEL, "--input-shape", "1,3,16,16")
    total = re.compile(r"plain and folded ([\d,]+)")
    counted = [int(total.search(said)[1].replace(",", "")) for said in (own, quarter)]
    assert counted[0] == 4 * counted[1]


def test_macc_counts_at_the_models_own_size():
    said = call("macc", MODEL)
    assert "For one batch of (1, 3, 32, 32)" in said
    assert "in all 22 layers the formulas are these counts" in said


HELP_OF_ALL = """
import sys

from click.testing import CliRunner
from gluon_doconv.__main__ import main

def commands(group, path):
    for name, command in group.commands.items():
        yield [*path, name]
        yield from commands(command, [*path, name]) if hasattr(command, "commands") else ()

for arguments in (["--version"], ["--help"], *([*path, "--help"] for path in commands(main, []))):
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 0, (arguments, result.output)
    assert not {"mxnet", "gluoncv", "numpy"} & sys.modules.keys(), arguments
    print(" ".join(arguments))
"""


def test_help_does_not_wait_for_mxnet():
    done = subprocess.run([sys.executable, "-c", HELP_OF_ALL], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert {"--version", "--help", "summary --help", "run --help", "patch check --help"} <= set(
        done.stdout.splitlines()
    )
