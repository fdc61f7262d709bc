"""Networks that GluonCV does not build, in scripts run unchanged: with ``--all-networks`` and without."""

import numpy as np
import pytest
from processes import arrays, doconv_run, write

SCRIPT = """
    import mxnet as mx
    from mxnet.gluon import nn, Trainer
    from mxnet.gluon.model_zoo import vision

    class Critic(nn.HybridBlock):
        def __init__(self):
            super().__init__(prefix="critic_")
            with self.name_scope():
                self.body = nn.HybridSequential()
                self.body.add(nn.Conv2D(4, 3, strides=2), nn.Activation("relu"), nn.Dense(1))

        def hybrid_forward(self, F, x):
            return self.body(x)

    {first}
    critic, zoo, loss = Critic(), vision.mobilenet_v2_0_25(classes=2), vision.mobilenet0_25(classes=2)
    for net in (critic, zoo, loss):
        net.initialize(mx.init.Xavier())
    x = mx.nd.random.normal(shape=(2, 3, 32, 32))
    zoo(x)
    trainers = [Trainer(net.collect_params(), "sgd", {{"learning_rate": 0.1}}) for net in (critic, zoo)]
    critic.hybridize()
    for _ in range(2):
        with mx.autograd.record():
            error = critic(x).sum() + zoo(x).sum() + loss(x).sum()
        error.backward()
        for trainer in trainers:
            trainer.step(2)
    for name, net in dict(critic=critic, zoo=zoo, loss=loss).items():
        net.save_parameters(name)
"""
GLUONCV = """
    from gluoncv.model_zoo import get_model
    net = get_model("cifar_resnet20_v1")
    net.initialize()
    Trainer(net.collect_params(), "sgd")
"""


def ds(path):
    return [array for name, array in arrays(path).items() if name.endswith(".D")]


@pytest.fixture
def script(tmp_path):
    write(tmp_path / "train.py", SCRIPT.format(first=""))
    return tmp_path


def test_whatever_is_trained_is_trained_with_doconv(script):
    done = doconv_run("--all-networks", "--fold-on-save", "train.py", cwd=script)
    assert done.returncode == 0, done.stderr
    assert "critic: 1 of 1 convolutions are DO-Conv" in done.stderr and "stayed plain" not in done.stderr
    assert len(ds(script / "critic")) == 1 and len(ds(script / "zoo")) == 18
    assert all(np.abs(d).max() > 0 for name in ("critic", "zoo") for d in ds(script / name))
    assert not ds(script / "loss") and not ds(script / "critic-folded")


def test_without_the_option_nothing_is_trained_with_doconv(script):
    done = doconv_run("train.py", cwd=script)
    assert done.returncode == 1 and "with --all-networks" in done.stderr
    assert not (script / "critic").exists()


def test_what_stays_plain_beside_gluoncvs_networks_is_said(script):
    write(script / "train.py", SCRIPT.format(first=GLUONCV))
    done = doconv_run("train.py", cwd=script)
    assert done.returncode == 0, done.stderr
    assert "critic_conv0_weight and what was trained with it stayed plain: GluonCV did not build" in done.stderr
    assert not ds(script / "critic")
