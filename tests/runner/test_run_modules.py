"""Scripts of the Module API, run unchanged with ``--all-networks``: D is trained, and files are folded."""

import gluon_doconv as doconv

import mxnet as mx
import numpy as np
import pytest
from networks import nodes
from processes import arrays, doconv_run, python, write

SCRIPT = """
    import mxnet as mx, numpy as np
    x = mx.sym.Convolution(mx.sym.var("data"), num_filter=4, kernel=(3, 3), name="conv0")
    x = mx.sym.BatchNorm(x, fix_gamma=False, name="bn")
    x = mx.sym.FullyConnected(mx.sym.Flatten(x, name="flat"), num_hidden=3, name="fc")
    net = mx.sym.SoftmaxOutput(x, name="softmax")
    numbers = np.random.RandomState(0)
    data = numbers.normal(size=(8, 3, 6, 6)).astype("float32"), numbers.randint(3, size=8).astype("float32")
    module = mx.mod.Module(net)
    np.random.seed(0)
    mx.random.seed(0)
    module.fit(mx.io.NDArrayIter(*data, batch_size=4), num_epoch=2, initializer=mx.init.Xavier(),
               optimizer_params={"learning_rate": 0.1}, epoch_end_callback=mx.callback.do_checkpoint("net"))
    module.save_checkpoint(epoch=2, prefix="last")
    module.save_params(fname="alone.params")
    mx.model.save_checkpoint("bare", 2, None, *module.get_params())
    print("done")
"""


@pytest.fixture
def script(tmp_path):
    write(tmp_path / "train.py", SCRIPT)
    return tmp_path


def test_a_script_trains_d_and_leaves_folded_checkpoints(script):
    done = doconv_run("--all-networks", "--fold-on-save", "train.py", cwd=script)
    assert done.returncode == 0 and done.stdout == "done\n", done.stderr
    assert "softmax_output: 1 of 1 convolutions are DO-Conv" in done.stderr
    values = arrays(script / "last-0002.params")
    assert np.abs(values["arg:conv0_D"]).max() > 0
    for name in ("net-0001", "net-0002", "last-0002", "alone", "bare-0002"):
        assert f"wrote {name}.params\n" in done.stderr
    folded = ["net-folded-0001", "net-folded-0002", "last-folded-0002", "alone-folded", "bare-0002-folded"]
    for name in folded:
        assert done.stderr.count(f"wrote {name}.params\n") == 1
    for name in folded[1:]:
        found = arrays(script / f"{name}.params")
        expected = doconv.fold_symbol(
            mx.sym.load(str(script / "last-symbol.json")),
            {key[4:]: mx.nd.array(value) for key, value in values.items() if key.startswith("arg:")},
        ).arg_params
        assert all(np.array_equal(found[f"arg:{key}"], array.asnumpy()) for key, array in expected.items())
        assert len(found) == len(expected) + 2
    plain = python("train.py", cwd=script)
    assert plain.returncode == 0
    stock = nodes(mx.sym.load(str(script / "last-symbol.json")))
    assert nodes(mx.sym.load(str(script / "net-folded-symbol.json"))) == stock


def test_without_the_option_such_a_script_is_no_training_with_doconv(script):
    done = doconv_run("train.py", cwd=script)
    assert done.returncode == 1 and "no network with DO-Conv was built" in done.stderr
