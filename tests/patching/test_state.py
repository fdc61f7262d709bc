"""What is in force: all of it or nothing, and no trace of it when it is undone."""

import itertools
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import gluon_doconv as doconv
from gluon_doconv.compat.workarounds import apply_workarounds
from gluon_doconv.patching import state

import pytest
from gluoncv.model_zoo import get_model, model_zoo
from mxnet.gluon import Block, HybridBlock, Trainer
from mxnet.gluon.nn.conv_layers import _Conv
from networks import names_of_d

MODEL = "cifar_resnet20_v1"
HOOKED = [
    (_Conv, "__init__"),
    (Block, "load_parameters"),
    (HybridBlock, "export"),
    (Trainer, "__init__"),
]
HOOKS = {"patch": 5, "register": 4}
UNDO = {"patch": doconv.unpatch, "register": doconv.unregister}


@pytest.fixture(scope="module", autouse=True)
def estimators():
    """The class of all estimators is hooked too, where it is imported."""
    pytest.importorskip("autocfg", reason="GluonCV has estimators since 0.9")
    undo = apply_workarounds()
    from gluoncv.auto.estimators.base_estimator import BaseEstimator

    HOOKED.append((BaseEstimator, "__getstate__"))
    yield
    HOOKED.pop()
    undo()


def traces():
    """Everything that the patch and the registered names change in MXNet, GluonCV and Python."""
    return (
        [vars(owner).get(name) for owner, name in HOOKED],
        dict(model_zoo._models),
        [*sys.meta_path],
        (sys.getprofile(), sys.gettrace()),
    )


def test_undoing_restores_object_for_object():
    before = traces()
    with doconv.patched():
        get_model(MODEL)
        assert not any(new is old for new, old in zip(traces()[0], before[0]))
    assert traces() == before
    assert sys.getprofile() is None
    assert not doconv.is_patched()
    assert names_of_d(get_model(MODEL)) == []


def test_patching_twice_and_unpatching_twice_say_so():
    first = doconv.patch()
    with pytest.warns(doconv.DOConvWarning, match="patched already"):
        assert doconv.patch(stages=[1]) is first
    doconv.unpatch()
    with pytest.warns(doconv.DOConvWarning, match="not patched"):
        doconv.unpatch()


def test_a_patch_without_effect_stops():
    with pytest.raises(doconv.DOConvError, match="built no network"), doconv.patched():
        pass


@pytest.mark.parametrize("first", ["patch", "register"])
def test_patch_and_register_are_undone_in_any_order(first):
    before, undo = traces(), dict(UNDO)
    doconv.register()
    doconv.patch()
    undo.pop(first)()
    assert Block.load_parameters is not before[0][1]
    undo.popitem()[1]()
    assert traces() == before


@pytest.mark.parametrize("other_before", [False, True])
@pytest.mark.parametrize(("what", "nth"), [(what, nth) for what in HOOKS for nth in range(HOOKS[what])])
def test_whichever_hook_fails_nothing_has_changed(monkeypatch, what, nth, other_before):
    other = "register" if what == "patch" else "patch"
    if other_before:
        getattr(doconv, other)()
    before, held = traces(), dict(state._holders)
    numbers, hold = itertools.count(), state.hold

    def failing_at_nth(hook):
        if next(numbers) == nth:
            raise OSError("no such thing")
        return hold(hook)

    monkeypatch.setattr(state, "hold", failing_at_nth)
    with pytest.raises(OSError, match="no such thing"):
        getattr(doconv, what)()
    assert traces() == before and dict(state._holders) == held
    assert doconv.is_patched() == (other_before and other == "patch")
    monkeypatch.undo()
    getattr(doconv, what)()
    assert traces() != before
    UNDO[what]()
    assert traces() == before
    if other_before:
        UNDO[other]()
    assert not state._holders and not state._undo


@pytest.mark.parametrize("what", HOOKS)
def test_these_are_all_hooks(what):
    getattr(doconv, what)()
    count = sum(state._holders.values())
    UNDO[what]()
    assert count == HOOKS[what]


@pytest.mark.parametrize("nth", range(HOOKS["patch"]))
def test_a_hook_that_fails_by_itself(monkeypatch, nth):
    def fail():
        raise OSError("no such thing")

    before, module = traces(), sys.modules["gluon_doconv.patching.patch"]
    monkeypatch.setattr(module, "HOOKS", (*module.HOOKS[:nth], fail, *module.HOOKS[nth + 1 :]))
    with pytest.raises(OSError, match="no such thing"):
        doconv.patch()
    assert traces() == before and not doconv.is_patched()
    monkeypatch.undo()
    with doconv.patched():
        assert len(names_of_d(get_model(MODEL))) == 19
    assert traces() == before


def number_of_ds():
    return len(names_of_d(get_model(MODEL)))


def test_the_innermost_block_is_in_force_and_the_outer_again_after_it():
    before = traces()
    with doconv.patched() as outer:
        assert number_of_ds() == 19
        with doconv.patched(stages=[0, 1]) as middle:
            with pytest.raises(doconv.DOConvError, match="matches no"), doconv.patched(include="nowhere"):
                get_model(MODEL)
            assert number_of_ds() == 7
            with doconv.patched(stages=[0]):
                assert number_of_ds() == 1
            assert number_of_ds() == 7
        assert number_of_ds() == 19
    assert [network.doconv for network in outer.built] == [19, 7, 1, 7, 19]
    assert [network.doconv for network in middle.built] == [7, 1, 7]
    assert traces() == before and not doconv.is_patched()


def test_a_block_within_a_patch_leaves_the_patch():
    before, patch = traces(), doconv.patch(stages=[1])
    with doconv.patched(stages=[0]):
        assert number_of_ds() == 1
    assert number_of_ds() == 6
    doconv.unpatch()
    assert [network.doconv for network in patch.built] == [1, 6] and traces() == before


def test_each_thread_has_its_own_blocks_whichever_ends_first():
    before, counts, steps = traces(), {}, threading.Barrier(2, timeout=60)

    def build(stage, ends_first):
        with doconv.patched(stages=[stage]):
            steps.wait()  # both blocks have begun
            counts[stage] = number_of_ds()
            if not ends_first:
                steps.wait()  # the other block has ended
                counts["later"] = number_of_ds()
        if ends_first:
            steps.wait()

    with ThreadPoolExecutor(2) as pool:
        results = [pool.submit(build, 0, True), pool.submit(build, 1, False)]
    assert [result.result() for result in results] == [None, None]
    assert counts == {0: 1, 1: 6, "later": 6} and traces() == before


def test_a_thread_without_a_block_is_under_the_last():
    with doconv.patched(stages=[0]) as outer, ThreadPoolExecutor(1) as pool:
        assert pool.submit(number_of_ds).result() == 1
    assert len(outer.built) == 1


@pytest.mark.parametrize("first", ["patch", "register"])
def test_what_is_left_in_force_still_works(first, tmp_path):
    doconv.register()
    doconv.patch()
    UNDO[first]()
    name = MODEL if first == "register" else f"{MODEL}_doconv"
    net = get_model(name)
    assert len(names_of_d(net)) == 19
    UNDO["register" if first == "patch" else "patch"]()
    with pytest.raises(ValueError, match="doconv"):
        get_model(f"{MODEL}_doconv")
    assert names_of_d(get_model(MODEL)) == []
