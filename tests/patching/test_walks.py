"""A network is searched for convolutions once when it is built, and its graphs are read and written once."""

from collections import Counter

import gluon_doconv as doconv
from gluon_doconv.core import convolutions
from gluon_doconv.core.graph import Graph
from gluon_doconv.files import export, fold
from gluon_doconv.files.fold import find_pairs
from gluon_doconv.runner.checkpoint_log import CheckpointLog

import pytest
from gluoncv.model_zoo import get_model
from mxnet.gluon import HybridBlock, SymbolBlock
from networks import blocks, from_zoo, images, names_of_d, slow_but_first

# model -> how many SymbolBlocks it has
FAMILIES = {
    "cifar_resnet20_v1": 0,
    "cifar_resnet20_v2": 0,
    "mobilenet0.25": 0,
    "densenet121": 0,
    "vgg11": 0,
    "cifar_resnext29_32x4d": 0,
    "squeezenet1.0": 0,
    "deeplab_resnet50_citys": 0,
    "ssd_512_mobilenet1.0_voc": 1,
    "faster_rcnn_fpn_resnet50_v1b_coco": 1,
    "center_net_resnet18_v1b_voc": 0,
}
WITH_A_BASE = ("deeplab", "ssd", "faster_rcnn", "center_net")


@pytest.fixture
def work(monkeypatch):
    """Counts searches of whole networks, and graphs that are read and written."""
    counts = Counter()
    walk, read, write = convolutions._walk, Graph.__init__, Graph.symbol

    def counting_walk(block, path, seen):
        counts["searches"] += not seen
        return walk(block, path, seen)

    def counting_read(graph, *args, **kwargs):
        counts["read"] += 1
        read(graph, *args, **kwargs)

    def counting_write(graph):
        counts["written"] += 1
        return write(graph)

    monkeypatch.setattr(convolutions, "_walk", counting_walk)
    monkeypatch.setattr(Graph, "__init__", counting_read)
    monkeypatch.setattr(Graph, "symbol", counting_write)
    return counts


def build(name):
    return get_model(name, **({"pretrained_base": False} if name.startswith(WITH_A_BASE) else {}))


@pytest.mark.parametrize(("name", "graphs"), slow_but_first(FAMILIES.items()))
def test_building_searches_once(work, name, graphs):
    with doconv.patched():
        net = build(name)
    assert +work == +Counter(searches=1, read=graphs, written=graphs)
    assert sum(isinstance(block, SymbolBlock) for block in blocks(net).values()) == graphs
    assert names_of_d(net)


@pytest.mark.parametrize("name", ["cifar_resnet20_v1", "ssd_512_mobilenet1.0_voc"])
@pytest.mark.parametrize("action", [doconv.over_parameterize, doconv.fold], ids=lambda action: action.__name__)
def test_converting_and_folding_search_once(work, name, action):
    net = build(name)
    if action is doconv.fold:
        doconv.over_parameterize(net)
        work.clear()
    action(net)
    assert +work == +Counter(searches=1, read=FAMILIES[name], written=FAMILIES[name])


@pytest.fixture
def run_once():
    """A network with a SymbolBlock that knows its shapes, built under the patch, which stays."""
    with doconv.patched():
        net = from_zoo("ssd_300_mobilenet0.25_voc")
        net(images(64))
        yield net


def test_saving_and_folding_what_is_saved_do_not_search(work, run_once, tmp_path):
    checkpoints = CheckpointLog(True, tmp_path / "notes")
    undo = checkpoints.watch()
    work.clear()
    run_once.save_parameters(str(tmp_path / "net.params"))
    undo()
    assert work == Counter() and len(checkpoints.notes) == 2
    assert (tmp_path / "net-folded.params").exists()


def test_loading_searches_once(work, run_once, tmp_path):
    run_once.save_parameters(str(tmp_path / "net.params"))
    work.clear()
    run_once.load_parameters(str(tmp_path / "net.params"))
    assert work == Counter(searches=1, read=1)


def test_a_file_is_searched_for_pairs_once(monkeypatch, run_once, tmp_path):
    run_once.save_parameters(str(tmp_path / "net.params"))
    run_once.hybridize()
    run_once(images(64))
    HybridBlock.export.__wrapped__(run_once, str(tmp_path / "net"))
    searches = []

    def counting(arrays):
        searches.append(len(arrays))
        return find_pairs(arrays)

    monkeypatch.setattr(fold, "find_pairs", counting)
    monkeypatch.setattr(export, "find_pairs", counting)
    doconv.fold_params(tmp_path / "net.params", tmp_path / "folded.params")
    assert len(searches) == 1
    doconv.fold_symbol(str(tmp_path / "net"), 0, str(tmp_path / "folded"))
    assert len(searches) == 2
