"""What a script that is run saves, and where its pretrained weights come from."""

import gluon_doconv as doconv
from gluon_doconv.zoo.build import build

import mxnet as mx
import numpy as np
from processes import arrays, doconv_run, write


def test_a_script_trains_with_doconv_and_says_so(scripts):
    done = doconv_run("--fold-on-save", "train.py", "--save", "net.params", cwd=scripts)
    assert done.returncode == 0, done.stderr
    ds = [array for name, array in arrays(scripts / "net.params").items() if name.endswith(".D")]
    assert len(ds) == 19 and all(np.abs(d).max() > 0 for d in ds)
    assert "19 of 21 convolutions are DO-Conv" in done.stderr and "wrote net.params" in done.stderr
    doconv.fold_params(scripts / "net.params", scripts / "by-hand.params")
    folded, by_hand = arrays(scripts / "net-folded.params"), arrays(scripts / "by-hand.params")
    assert folded.keys() == by_hand.keys() and all((folded[name] == by_hand[name]).all() for name in folded)


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


def test_however_parameters_are_saved_a_folded_copy_is_written_and_named(tmp_path):
    write(
        tmp_path / "save.py",
        """
        import mxnet as mx
        from gluoncv.model_zoo import get_model
        net = get_model("cifar_resnet20_v1", prefix="net_")
        net.initialize()
        net.hybridize()
        net(mx.nd.zeros((1, 3, 16, 16)))
        for d in net.collect_params(".*D$").values():
            d.set_data(mx.nd.random.normal(0, 0.1, shape=d.shape))
        net.save_parameters("a.params")
        net.save_params("b.params")
        net.collect_params().save("c.params")
        mx.nd.save("d.params", {name: p.data() for name, p in net.collect_params().items()})
        mx.nd.save("e.params", {"other": mx.nd.zeros(3)})
        net.export("f")
        """,
    )
    done = doconv_run("--fold-on-save", "save.py", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    named = [line.split("wrote ")[1] for line in done.stderr.splitlines() if "wrote " in line]
    assert named == [f"{name}{folded}.params" for name in "abcd" for folded in ("", "-folded")]
    for name in "abcd":
        doconv.fold_params(tmp_path / f"{name}.params", tmp_path / "by-hand.params")
        folded, by_hand = arrays(tmp_path / f"{name}-folded.params"), arrays(tmp_path / "by-hand.params")
        assert folded.keys() == by_hand.keys() and all((folded[n] == by_hand[n]).all() for n in folded)


def test_pretrained_weights_come_from_a_folder(scripts):
    net = build("cifar_resnet20_v1")
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
