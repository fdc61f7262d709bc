"""Scripts run unchanged: what they are given, how they end, and what stops them."""

import signal

import pytest
from processes import TRAIN, arrays, doconv_run, python, write


def test_off_is_plain_python(scripts):
    off = doconv_run("--off", "train.py", "--save", "off.params", cwd=scripts)
    with_names = write(
        scripts / "plain.py", "import gluon_doconv, runpy; runpy.run_path('train.py', run_name='__main__')"
    )
    plain = python(with_names, "--save", "plain.params", cwd=scripts)
    assert off.returncode == plain.returncode == 0, off.stderr + plain.stderr
    assert off.stdout == plain.stdout
    one, other = arrays(scripts / "off.params"), arrays(scripts / "plain.params")
    assert one.keys() == other.keys() and all((one[name] == other[name]).all() for name in one)


def test_selection_by_option_environment_and_model_name(scripts):
    for arguments, environment, count in [
        (["--stages", "0,1", "train.py"], {}, 7),
        (["train.py"], {"GLUON_DOCONV_STAGES": "0,1"}, 7),
        (["--include", "stage1", "train.py"], {}, 6),
        (["--stages", "2", "train.py", "--model", "cifar_resnet20_v1_doconv"], {}, 6),
        (["--only-named", "train.py", "--model", "cifar_resnet20_v1_doconv"], {}, 19),
    ]:
        done = doconv_run(*arguments, "--save", "net.params", cwd=scripts, **environment)
        assert f"{count} of 21 convolutions are DO-Conv" in done.stderr, done.stderr


def test_only_what_is_asked_for_by_name(tmp_path):
    write(
        tmp_path / "distill.py",
        """
        from gluoncv.model_zoo import get_model
        for name in ("cifar_resnet20_v1", "cifar_resnet20_v1_doconv"):
            print(sum(parameter.endswith("_D") for parameter in get_model(name).collect_params()))
        """,
    )
    assert doconv_run("--only-named", "distill.py", cwd=tmp_path).stdout.split() == ["0", "19"]


def test_a_script_with_a_patch_of_its_own_gets_what_it_gets_elsewhere(tmp_path):
    write(
        tmp_path / "own.py",
        """
        import gluon_doconv as doconv
        from gluoncv.model_zoo import get_model
        with doconv.patched(stages=[0]) as patch:
            get_model("cifar_resnet20_v1")
        print([network.doconv for network in patch.built])
        """,
    )
    plain, done = python("own.py", cwd=tmp_path), doconv_run("own.py", cwd=tmp_path)
    assert plain.stdout == done.stdout == "[1]\n", plain.stderr + done.stderr
    assert "1 of 21 convolutions are DO-Conv" in done.stderr


def test_a_module(scripts):
    done = doconv_run("-m", "train", "--save", "net.params", cwd=scripts)
    assert done.returncode == 0 and "19 of 21" in done.stderr


def test_a_package_imports_from_itself(tmp_path):
    (tmp_path / "mine").mkdir()
    write(tmp_path / "mine" / "name.py", "NAME = 'cifar_resnet20_v1'")
    write(
        tmp_path / "mine" / "__main__.py",
        """
        import sys
        from gluoncv.model_zoo import get_model
        from .name import NAME
        get_model(NAME)
        print(__name__, sys.argv)
        """,
    )
    done = doconv_run("-m", "mine", "own", cwd=tmp_path)
    assert done.stdout.split() == ["__main__", f"['{tmp_path}/mine/__main__.py',", "'own']"], done.stderr


def test_exit_codes_are_the_scripts_own(tmp_path):
    build = "from gluoncv.model_zoo import get_model; get_model('cifar_resnet20_v1')\n"
    write(tmp_path / "seven.py", build + "raise SystemExit(7)")
    write(tmp_path / "error.py", build + "raise KeyError('mine')")
    write(tmp_path / "usage.py", build + "import click; raise click.UsageError('mine')")
    assert doconv_run("seven.py", cwd=tmp_path).returncode == 7
    error = doconv_run("error.py", cwd=tmp_path)
    assert error.returncode == 1 and "KeyError: 'mine'" in error.stderr
    error = doconv_run("usage.py", cwd=tmp_path)
    assert error.returncode == 1 and "click.exceptions.UsageError: mine" in error.stderr


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT"])
def test_signals_end_the_script_as_they_end_python(name, tmp_path):
    write(
        tmp_path / "killed.py",
        f"""
        import os, signal
        from gluoncv.model_zoo import get_model
        get_model('cifar_resnet20_v1')
        os.kill(os.getpid(), signal.{name})
        """,
    )
    assert doconv_run("killed.py", cwd=tmp_path).returncode == -getattr(signal, name)


def test_annotations_are_the_scripts_own(tmp_path):
    write(
        tmp_path / "typed.py",
        """
        def f(x: int): pass
        print(f.__annotations__)
        from gluoncv.model_zoo import get_model
        get_model("cifar_resnet20_v1")
        """,
    )
    assert doconv_run("typed.py", cwd=tmp_path).stdout == "{'x': <class 'int'>}\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere.py"], "nowhere.py: there is no such script"),
        (["nothing.py"], "no network with DO-Conv was built"),
        (["--only-named", "build.py"], "no network with DO-Conv was built"),
        (["--only-named", "train.py"], "Ask for a network whose name ends in _doconv"),
        (["-m", "nowhere"], "there is no module nowhere"),
        (["--no-workaround", "xyz", "nothing.py"], "no workaround is called 'xyz'; there are"),
        (["--stages", "9", "build.py"], "in stages"),
    ],
)
def test_a_run_without_doconv_fails(arguments, message, tmp_path):
    write(tmp_path / "nothing.py", "print('trained nothing')")
    write(tmp_path / "build.py", "from gluoncv.model_zoo import get_model; get_model('cifar_resnet20_v1')")
    write(tmp_path / "train.py", TRAIN)
    write(tmp_path / "neighbour.py", "")
    done = doconv_run(*arguments, cwd=tmp_path)
    assert done.returncode != 0 and message in done.stderr
