"""The examination of insightface's networks, on a checkout that has one small network in insightface's form."""

import re
from pathlib import Path

import pytest
from processes import python, write

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"

CONFIG = """
    from easydict import EasyDict as edict
    config, network = edict(), edict()
    config.emb_size = 8
    network.r50 = edict()
    network.r50.net_name = "fresnet"
"""
NETWORK = """
    import mxnet as mx
    from config import config
    def get_symbol():
        assert (config.net_name, config.num_layers) == ("fresnet", 18)
        x = mx.sym.var("data") / 255
        x = mx.sym.Convolution(x, num_filter=4, kernel=(3, 3), stride=(8, 8), name="conv0")
        x = mx.sym.Convolution(x, num_filter=4, kernel=(1, 1), name="conv1")
        x = mx.sym.Pooling({}, global_pool=True, kernel=(1, 1), pool_type="avg")
        return mx.sym.FullyConnected(x, num_hidden=config.emb_size, name="fc1")
"""


@pytest.fixture
def examine(tmp_path):
    folder = tmp_path / "recognition" / "arcface_mxnet"
    (folder / "symbol").mkdir(parents=True)
    write(folder / "sample_config.py", CONFIG)

    def run(pooled):
        write(folder / "symbol" / "fresnet.py", NETWORK.format(pooled))
        command = ["-m", "verification.insightface", tmp_path, "--only", "fresnet"]
        return python(*command, cwd=tmp_path, PYTHONPATH=str(SCRIPTS))

    return run


def test_a_network_is_converted_trained_and_folded(examine):
    done = examine("x")
    assert done.returncode == 0, done.stderr
    assert re.search(r"fresnet +\| 2 +\| 1 +\| 1 +\| True +\| True", done.stdout)


def test_what_is_not_as_it_should_be_ends_with_1(examine):
    done = examine("mx.sym.BlockGrad(x)")  # no D can be trained behind it
    assert done.returncode == 1, done.stderr
    assert re.search(r"fresnet +\| 2 +\| 1 +\| 0 +\| True +\| True", done.stdout)
