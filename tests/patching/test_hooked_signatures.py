"""Whatever is hooked takes what it takes in stock, by position and by keyword."""

import hashlib
import json
import os
from contextlib import ExitStack

import gluon_doconv as doconv
from gluon_doconv.compat.workarounds import apply_workarounds
from gluon_doconv.patching.build_hook import hook_builds
from gluon_doconv.patching.pretrained import serve_weights
from gluon_doconv.runner.checkpoint_log import CheckpointLog

import mxnet as mx
import numpy as np
import pytest
from gluoncv.model_zoo import model_store
from mxnet.gluon import Trainer, nn
from mxnet.gluon.data.vision import datasets

X = mx.nd.arange(2 * 3 * 36).reshape((2, 3, 6, 6))


@pytest.fixture
def hooked(tmp_path):
    """The hooks of the patch, the runner and the workarounds. Nothing that is built here is converted."""
    with ExitStack() as stack:
        stack.callback(apply_workarounds())
        stack.callback(serve_weights(None))
        stack.callback(doconv.unpatch)
        doconv.patch()
        stack.callback(hook_builds(lambda net: None))
        stack.callback(CheckpointLog(True, os.devnull).watch())
        yield


def plain_net(doconv_too=False):
    """A network that has run; with ``doconv_too`` it has D at the identity, and so computes the same."""
    mx.random.seed(1)
    net = nn.HybridSequential(prefix="net_")
    with net.name_scope():
        net.add(nn.Conv2D(4, 3, in_channels=3), nn.BatchNorm(in_channels=4), nn.Dense(2, in_units=64))
    net.initialize(mx.init.Normal(1))
    if doconv_too:
        doconv.over_parameterize(net)
    net.hybridize()
    net(X)
    return net


def export(folder, doconv_too, call):
    net = plain_net(doconv_too)
    call(net.export, path=str(folder / "net"), epoch=7, remove_amp_cast=False)
    symbol = json.loads((folder / "net-symbol.json").read_text())
    arrays = mx.nd.load(str(folder / "net-0007.params"))
    return [node["name"] for node in symbol["nodes"]], {name: array.asnumpy() for name, array in arrays.items()}


def save(folder, doconv_too, call):
    call(plain_net(doconv_too).save_parameters, filename=str(folder / "net.params"), deduplicate=True)
    name = "net-folded.params" if doconv_too else "net.params"
    return {name: array.asnumpy() for name, array in mx.nd.load(str(folder / name)).items()}


def load(folder, doconv_too, call):
    half = {"0.weight": mx.nd.ones((4, 3, 3, 3), dtype="float16"), "more": mx.nd.ones((1,))}
    mx.nd.save(str(folder / "half.params"), half)
    net = plain_net(doconv_too)
    call(
        net.load_parameters,
        filename=str(folder / "half.params"),
        ctx=[mx.cpu()],
        allow_missing=True,
        ignore_extra=True,
        cast_dtype=True,
        dtype_source="current",
    )
    return net(X).asnumpy()


def train(folder, doconv_too, call):
    net = plain_net(doconv_too)
    trained = net if doconv_too else net[2]  # to train a convolution without D is refused, and rightly so
    given = {name: each for name, each in trained.collect_params().items() if each.grad_req != "null"}
    trainer = call(
        Trainer,
        params=given,
        optimizer="sgd",
        optimizer_params={"learning_rate": 0.5},
        kvstore=None,
        compression_params=None,
        update_on_kvstore=False,
    )
    assert set(trainer._params) == set(given.values())
    return trainer.learning_rate, trainer._kvstore_params


def batches(folder, doconv_too, call):
    loader = call(
        mx.gluon.data.DataLoader,
        dataset=mx.gluon.data.ArrayDataset(np.arange(5), np.arange(5)),
        batch_size=2,
        shuffle=False,
        sampler=None,
        last_batch="discard",
        batch_sampler=None,
        batchify_fn=None,
        num_workers=0,
    )
    return [[part.asnumpy().tolist() for part in batch] for batch in loader]


def rois(folder, doconv_too, call):
    out = mx.nd.zeros((2, 3, 2, 2))
    result = call(
        mx.nd.contrib.ROIAlign,
        data=X,
        rois=mx.nd.array([[0, 0, 0, 4, 4], [1, 1, 1, 5, 5]]),
        pooled_size=(2, 2),
        spatial_scale=1.0,
        sample_ratio=2,
        position_sensitive=False,
        aligned=False,
        out=out,
    )
    return out.asnumpy(), result.asnumpy()


def checksum(folder, doconv_too, call):
    (folder / "file").write_bytes(b"text")
    sha1 = hashlib.sha1(b"text").hexdigest()
    return call(datasets.check_sha1, filename=str(folder / "file"), sha1_hash=sha1)


def pretrained(folder, doconv_too, call):
    """A file that is in its place already, with the checksum that GluonCV expects: nothing is downloaded."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(model_store._model_sha1, "mine", hashlib.sha1(b"text").hexdigest())
        (folder / f"mine-{model_store.short_hash('mine')}.params").write_bytes(b"text")
        return call(model_store.get_model_file, name="mine", tag=None, root=str(folder)).endswith(".params")


def layer(folder, doconv_too, call):
    return repr(call(nn.Conv2D, channels=4, kernel_size=3, strides=2, padding=1, dilation=1, groups=2))


CALLS = [export, save, load, train, batches, rois, checksum, pretrained, layer]


def run(what, folder, doconv_too, positional):
    """What comes of ``what``, its one call given this many arguments by position, and how many it has."""
    numbers = []

    def call(function, **arguments):
        numbers.append(len(arguments))
        return function(*list(arguments.values())[:positional], **dict(list(arguments.items())[positional:]))

    folder.mkdir()
    result = what(folder, doconv_too, call)
    (number,) = numbers
    return result, number


@pytest.mark.slow
@pytest.mark.parametrize("doconv_too", [False, True])
@pytest.mark.parametrize("what", CALLS, ids=lambda what: what.__name__)
def test_every_form_of_a_call_does_what_the_stock_call_does(what, doconv_too, tmp_path, request):
    expected, number = run(what, tmp_path / "stock", False, 0)
    request.getfixturevalue("hooked")
    for positional in range(number + 1):
        result, _ = run(what, tmp_path / f"{positional}", doconv_too, positional)
        np.testing.assert_equal(result, expected)


@pytest.mark.parametrize("given", [{}, {"nonsense": 1}])
@pytest.mark.parametrize(
    "function",
    [nn.Conv2D, Trainer, nn.HybridBlock.export, datasets.check_sha1],
)
def test_what_the_stock_call_refuses_is_refused_in_its_words(function, given, request):
    with pytest.raises(TypeError) as stock:
        function(**given)
    request.getfixturevalue("hooked")
    with pytest.raises(TypeError) as mine:
        function(**given)
    assert str(mine.value) == str(stock.value)


@pytest.mark.parametrize("params", [iter(()), 3, "weight", [1, 2], None])
def test_what_a_trainer_refuses_is_refused_in_its_words(params, request):
    with pytest.raises(Exception) as stock:
        Trainer(params, "sgd")
    request.getfixturevalue("hooked")
    with pytest.raises(type(stock.value)) as mine:
        Trainer(params, "sgd")
    assert str(mine.value) == str(stock.value)
