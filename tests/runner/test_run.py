"""Scripts run unchanged: as a person runs them, in a process of their own."""

import os
import signal
import subprocess
import sys
import textwrap

import gluon_doconv as doconv

import mxnet as mx
import numpy as np
import pytest

TRAIN = """
    import argparse, pickle
    import mxnet as mx
    from gluoncv.model_zoo import get_model
    import neighbour

    class Local: pass
    assert type(pickle.loads(pickle.dumps(Local()))) is Local

    parser = argparse.ArgumentParser()
    parser.add_argument("--model", default="cifar_resnet20_v1")
    parser.add_argument("--save")
    opt = parser.parse_args()
    mx.random.seed(0)
    net = get_model(opt.model, classes=10)
    net.initialize(mx.init.Xavier())
    net.hybridize()
    x, y = mx.nd.random.normal(shape=(8, 3, 16, 16)), mx.nd.arange(8)
    trainer = mx.gluon.Trainer(net.collect_params(), "sgd", {"learning_rate": 0.1, "wd": 1e-4})
    for _ in range(3):
        with mx.autograd.record():
            loss = mx.gluon.loss.SoftmaxCrossEntropyLoss()(net(x), y).mean()
        loss.backward()
        trainer.step(1)
        print("loss", loss.asscalar())
    net.save_parameters(opt.save)
"""


def python(*arguments, cwd, **environment):
    environment = {**os.environ, **environment}
    return subprocess.run(
        [sys.executable, *map(str, arguments)],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )


def doconv_run(*arguments, cwd, **environment):
    return python("-m", "gluon_doconv", "run", *arguments, cwd=cwd, **environment)


@pytest.fixture
def scripts(tmp_path):
    (tmp_path / "train.py").write_text(textwrap.dedent(TRAIN))
    (tmp_path / "neighbour.py").write_text("")
    return tmp_path


def write(path, text):
    path.write_text(textwrap.dedent(text))
    return path


def arrays(path):
    return {name: array.asnumpy() for name, array in mx.nd.load(str(path)).items()}


def test_a_script_trains_with_doconv_and_says_so(scripts):
    done = doconv_run("--fold-on-save", "train.py", "--save", "net.params", cwd=scripts)
    assert done.returncode == 0, done.stderr
    ds = [array for name, array in arrays(scripts / "net.params").items() if name.endswith(".D")]
    assert len(ds) == 19 and all(np.abs(d).max() > 0 for d in ds)
    assert "19 of 21 convolutions are DO-Conv" in done.stderr and "wrote net.params" in done.stderr
    doconv.fold_params(scripts / "net.params", scripts / "by-hand.params")
    folded, by_hand = arrays(scripts / "net-folded.params"), arrays(scripts / "by-hand.params")
    assert folded.keys() == by_hand.keys() and all((folded[name] == by_hand[name]).all() for name in folded)


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


@pytest.mark.parametrize("arguments", [["workers.py"], ["-m", "workers"]])
@pytest.mark.parametrize(("selection", "count"), [(["--stages", "1"], 6), (["--off"], 0)])
def test_worker_processes_find_the_script_and_build_what_it_builds(arguments, selection, count, tmp_path):
    write(
        tmp_path / "workers.py",
        """
        import multiprocessing, os
        from gluoncv.model_zoo import get_model

        def count(name):
            return sum(parameter.endswith("_D") for parameter in get_model(name).collect_params())

        if __name__ == "__main__":
            get_model("cifar_resnet20_v1")
            os.chdir("/")
            with multiprocessing.get_context("spawn").Pool(1) as pool:
                print(pool.map(count, ["cifar_resnet20_v1"]))
        """,
    )
    done = doconv_run(*selection, *arguments, cwd=tmp_path)
    assert done.stdout == f"[{count}]\n", done.stderr


def test_a_checkpoint_that_cannot_be_folded_does_not_end_the_training(tmp_path):
    write(
        tmp_path / "diverge.py",
        """
        import mxnet as mx
        from gluoncv.model_zoo import get_model
        net = get_model("cifar_resnet20_v1")
        net.initialize()
        net(mx.nd.zeros((1, 3, 16, 16)))
        net.features[0].D.set_data(net.features[0].D.data() * float("nan"))
        net.save_parameters("net.params")
        print("trains on")
        """,
    )
    done = doconv_run("--fold-on-save", "diverge.py", cwd=tmp_path)
    assert done.returncode == 0 and done.stdout == "trains on\n"
    assert "are not finite" in done.stderr and "did NOT write net-folded.params" in done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["diverge.py", "net.params"]


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


def test_pretrained_weights_come_from_a_folder(scripts):
    net = doconv.zoo.build("cifar_resnet20_v1")
    net.initialize(mx.init.Xavier())
    net(mx.nd.zeros((1, 3, 16, 16)))
    (scripts / "weights").mkdir()
    net.save_parameters(str(scripts / "weights" / "cifar_resnet20_v1.params"))
    write(
        scripts / "load.py",
        """
        import sys
        from gluoncv.model_zoo import get_model
        get_model(sys.argv[1], pretrained=True).save_parameters("out.params")
        """,
    )
    done = doconv_run("--weights", "weights", "load.py", "cifar_resnet20_v1", cwd=scripts)
    assert done.returncode == 0, done.stderr
    expected, found = (arrays(scripts / name) for name in ("weights/cifar_resnet20_v1.params", "out.params"))
    assert all((found[name] == expected[name]).all() for name in expected) and len(found) == len(expected) + 19
    wanted = doconv_run("--weights", "weights", "load.py", "cifar_resnet56_v1", cwd=scripts)
    assert wanted.returncode == 1 and "has no cifar_resnet56_v1.params" in wanted.stderr
