"""A mistake on the command line is answered by one line that names it, never by a traceback."""

import errno
import os
import re
import signal
import subprocess
import sys

from gluon_doconv import DOConv2D
from gluon_doconv.cli import main
from gluon_doconv.cli.errors import errors_as_messages
from gluon_doconv.errors import DOConvError

import click
import mxnet as mx
import pytest
from click.testing import CliRunner
from gluoncv.model_zoo import get_model

MODEL = "cifar_resnet20_v1"
MANY_LINES = DOConvError("it does not fit\n  one\n  two\n  three\n  four")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A plain checkpoint, files that are none, and a folder."""
    path = tmp_path_factory.mktemp("mistakes")
    net = get_model(MODEL, classes=10)
    net.initialize()
    net(mx.nd.zeros((1, 3, 32, 32)))
    net.save_parameters(str(path / "plain.params"))
    layer = DOConv2D(2, 3, in_channels=2)
    layer.initialize()
    layer.save_parameters(str(path / "doconv.params"))
    (path / "garbage.params").write_bytes(bytes(range(256)))
    (path / "empty.params").write_bytes(b"")
    (path / "folder").mkdir()
    (path / "script.py").write_text("")
    return path


MISTAKES = [
    ("--nonsense", 2, "No such option:? '?--nonsense"),
    ("nothing", 2, "No such command 'nothing'; see gluon-doconv --help"),
    # fold
    ("fold", 2, "Missing argument 'SOURCE'; see gluon-doconv fold --help"),
    ("fold nowhere.params x.params", 1, "nowhere.params: there is no such file"),
    ("fold nowhere x", 1, "nowhere-symbol.json: there is no such file"),
    ("fold folder x", 1, "folder-symbol.json: there is no such file"),
    ("fold garbage.params x.params", 1, "garbage.params is damaged, or not a .params file"),
    ("fold empty.params x.params", 1, "empty.params is damaged, or not a .params file"),
    ("fold plain.params x.params", 1, "plain.params has no D beside any weight"),
    ("fold plain.params x.params --epoch x", 2, "'--epoch': 'x' is not a valid integer"),
    # convert
    ("convert", 2, "Missing argument 'PREFIX'"),
    ("convert nowhere x", 1, "nowhere-symbol.json: there is no such file"),
    ("convert folder x", 1, "folder-symbol.json: there is no such file"),
    ("convert nowhere x --d-mul 0", 2, "'--d-mul': .* at least 1"),
    # inspect
    ("inspect", 2, "Missing argument 'FILE'"),
    ("inspect nowhere.params", 1, "nowhere.params: there is no such file"),
    ("inspect folder", 1, "folder: there is no such file"),
    ("inspect garbage.params", 1, "garbage.params is damaged"),
    (f"fold doconv.params {'x' * 256}", 1, "xxx cannot be written: File name too long"),
    ("fold doconv.params folder", 1, "folder is a folder, a device or a pipe: name a file"),
    ("fold doconv.params /dev/null", 1, "/dev/null is a folder, a device or a pipe"),
    ("fold doconv.params /proc/x", 1, "/proc/x cannot be written: "),
    ("inspect plain.params folder", 2, "unexpected extra argument"),
    # summary
    ("summary", 2, "Missing argument 'MODEL'"),
    ("summary resnet51_v1b", 1, "no model 'resnet51_v1b'; near names: .*resnet50_v1b"),
    (f"summary {MODEL} --classes 0", 2, "'--classes': 0 is not in the range"),
    (f"summary {MODEL} --classes many", 2, "'--classes': 'many'"),
    (f"summary {MODEL} --input-shape big", 2, "'big' is not of the form 1,3,224,224; see gluon-doconv summary"),
    (f"summary {MODEL} --input-shape 1,3,32", 1, r"shape \(1, 3, 32\): .*3 vs. 4.*--input-shape"),
    ("summary siamrpn_alexnet_v2_otb15", 1, "missing 1 required positional argument: 'search'"),
    # macc
    ("macc", 2, "Missing argument 'MODEL'"),
    ("macc nothing_at_all", 1, "GluonCV has no model 'nothing_at_all'"),
    (f"macc {MODEL} --d-mul x", 2, "'--d-mul': 'x' is not a whole number"),
    (f"macc {MODEL} --d-mul 3", 1, "d_mul=3 is below M·N=9"),
    (f"macc {MODEL} --input-shape 1,3,32", 1, f"{MODEL} does not run on an input of shape .*3 vs. 4"),
    ("macc inceptionv3 --input-shape 1,3,32,32", 1, "kernel size .*exceed"),
    # export
    (f"export {MODEL} --output y", 2, "Missing option '--params'"),
    (f"export {MODEL} --params nowhere --output y", 1, "nowhere: there is no such file"),
    (f"export {MODEL} --params folder --output y", 1, "folder: there is no such file"),
    (f"export {MODEL} --params garbage.params --output y", 1, "garbage.params is damaged"),
    (f"export {MODEL} --params plain.params --output y --format pdf", 2, "'pdf' is not one of"),
    (f"export {MODEL} --params plain.params --output nowhere/y", 1, "the folder nowhere does not exist"),
    ("export resnet18_v1 --params plain.params --output y", 1, "does not fit .*; missing: .*; and .* more"),
    # patch
    ("patch chekc folder", 2, "No such command 'chekc'"),
    ("patch check nowhere", 2, "Path 'nowhere' does not exist"),
    ("patch check plain.params", 1, "1 of 1 files cannot be patched; .*plain.params: it is not Python"),
    ("patch apply folder", 1, "folder is neither a Python file nor a checkout of GluonCV"),
    ("patch revert folder", 1, "folder is neither a Python file nor a checkout of GluonCV"),
    # data
    ("data nothing d", 2, "No such command 'nothing'"),
    ("data voc", 2, "Missing argument 'DIR'"),
    ("data voc plain.params", 1, "plain.params is a file"),
    ("data voc d --size 3", 2, "'3' is not of the form 240x320"),
    ("data voc d --images 0", 2, "'--images': 0 is not in the range"),
    ("data cifar d --seed -1", 2, "'--seed': -1 is not in the range"),
    # demo
    ("demo nothing", 2, "No such command 'nothing'"),
    ("demo classification --output plain.params", 2, "Directory 'plain.params' is a file"),
    ("demo classification --epochs 0", 2, "'--epochs': 0 is not in the range"),
    ("demo segmentation --images 0", 2, "'--images': 0 is not in the range"),
    ("demo detection --seed x", 2, "'--seed': 'x' is not a valid integer"),
    # figure
    ("figure kernels nowhere", 1, "nowhere: there is no such file"),
    ("figure kernels folder", 1, "folder: there is no such file"),
    ("figure kernels plain.params", 1, "plain.params has no D beside any weight"),
    ("figure kernels plain.params --layers (", 2, r"'\(' is not a regular expression: missing \)"),
    ("figure curves nowhere", 1, "nowhere: .*[Nn]o such file"),
    ("figure curves folder", 1, "folder.*"),
    # reproduce
    ("reproduce", 2, "Missing argument 'TABLE'"),
    ("reproduce table9", 1, "there is no 'table9'; there are table1"),
    ("reproduce table1 --seeds 0", 2, "'--seeds': 0 is not in the range"),
    ("reproduce table1 --columns (", 2, r"'\(' is not a regular expression"),
    ("reproduce table1 --columns nothing", 1, "nothing"),
    ("reproduce digits --output plain.params", 2, "Directory 'plain.params' is a file"),
    # report
    ("report", 2, "Missing argument 'RUNS...'"),
    ("report nowhere", 1, "nowhere"),
    ("report folder", 1, "folder"),
    ("report folder --output folder", 2, "File 'folder' is a directory"),
    # run, up to where the script takes over
    ("run", 2, "Missing argument 'SCRIPT'"),
    ("run --stages x script.py", 2, "'x'"),
    ("run --part tail script.py", 2, r"'--part': .*'tail': choose from \['backbone', 'head'\]; see"),
    ("run --weights nowhere script.py", 2, "Directory 'nowhere' does not exist"),
    ("run --d-initializer xavier script.py", 2, r"'xavier': choose from \['identity', 'he'\]; see"),
    # doctor
    ("doctor --xml", 2, "No such option:? '?--xml"),
    ("doctor me", 2, "unexpected extra argument"),
]


@pytest.mark.parametrize(("arguments", "code", "message"), MISTAKES)
def test_a_mistake_is_one_line(folder, monkeypatch, arguments, code, message):
    monkeypatch.chdir(folder)
    before = sorted(os.listdir())
    result = CliRunner().invoke(main, arguments.split(), prog_name="gluon-doconv")
    assert result.exit_code == code, result.output
    assert re.search(message, result.output)
    assert len(result.output.splitlines()) == 1 and result.output.startswith("Error: ")
    assert sorted(os.listdir()) == before


@pytest.mark.parametrize("none", ["big", "0,3,32,32", "1,3,,32", "1,-3,32,32", ""])
def test_a_shape_that_is_none_is_explained(none):
    result = CliRunner().invoke(main, ["summary", MODEL, "--input-shape", none])
    assert result.exit_code == 2 and f"{none!r} is not of the form 1,3,224,224" in result.output


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (PermissionError(errno.EACCES, "Permission denied", "x.params"), "x.params: Permission denied"),
        (OSError(errno.ENOSPC, "No space left on device", "x.params"), "x.params: No space left on device"),
        (IsADirectoryError(errno.EISDIR, "Is a directory", ".x.part", None, "x"), "x: Is a directory"),
        (OSError(errno.EIO, "Input/output error"), "Input/output error"),
        (OSError("libcuda.so.1: cannot open shared object file"), "libcuda.so.1: .*; gluon-doconv doctor says"),
        (
            ModuleNotFoundError("No module named 'skimage.io'", name="skimage.io"),
            r"skimage .*gluon_doconv\[demo\]",
        ),
        (ModuleNotFoundError("No module named 'mxnet'", name="mxnet"), r"mxnet is not .*gluon_doconv\[cpu\]"),
        (ModuleNotFoundError("No module named 'left_pad'", name="left_pad"), "left_pad .*gluon-doconv doctor"),
        (MANY_LINES, "^it does not fit; one; two; and 2 more$"),
    ],
)
def test_what_the_system_refuses_is_one_line(error, message):
    with pytest.raises(click.ClickException) as raised, errors_as_messages():
        raise error
    assert re.search(message, raised.value.format_message())
    assert "\n" not in raised.value.format_message()


def test_a_fault_of_the_package_stays_a_traceback():
    with pytest.raises(AttributeError), errors_as_messages():
        raise AttributeError("no such attribute")


INTERRUPTED_AT_ONCE = """
import sys
from gluon_doconv.__main__ import start
from gluon_doconv.cli import files, main

def interrupted(**_):
    raise KeyboardInterrupt

main.commands["inspect"].callback = interrupted
sys.argv = ["gluon-doconv", "inspect", "file"]
start()
"""


def test_an_interrupt_is_one_word():
    done = subprocess.run([sys.executable, "-c", INTERRUPTED_AT_ONCE], capture_output=True, text=True)
    assert done.returncode == 128 + signal.SIGINT
    assert done.stderr.strip() == "Aborted" and done.stdout == ""


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["inspect", "plain.params"]])
def test_a_closed_pipe_is_no_error(folder, arguments):
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "gluon_doconv", *arguments]
    done = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, text=True, cwd=folder)
    os.close(writing)
    assert done.stderr == ""
