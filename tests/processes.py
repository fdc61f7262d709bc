"""Scripts as a person runs them: in processes of their own."""

import os
import subprocess
import sys
import textwrap

import mxnet as mx

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


def write(path, text):
    path.write_text(textwrap.dedent(text))
    return path


def arrays(path):
    return {name: array.asnumpy() for name, array in mx.nd.load(str(path)).items()}
