"""Networks are converted when GluonCV has built them, whoever asked for them, profiled or not."""

import cProfile
import sys

import gluon_doconv as doconv

import pytest
from gluoncv.model_zoo import cifar_resnet20_v1, get_model
from gluoncv.model_zoo.resnetv1b import BasicBlockV1b, ResNetV1b
from gluoncv.model_zoo.segbase import get_segmentation_model
from networks import names_of_d

MODEL = "cifar_resnet20_v1"


def test_factories_imported_before_the_patch_and_other_ways_in():
    with doconv.patched() as patch:
        assert len(names_of_d(cifar_resnet20_v1())) == 19
        segmentation = get_segmentation_model(
            model="deeplab", dataset="citys", backbone="resnet50", pretrained_base=False, crop_size=96
        )
    assert len(names_of_d(segmentation)) == 24
    assert len(patch.built) == 2


def test_an_error_of_a_networks_own_stays_the_error():
    with doconv.patched(include="layers4") as patch:
        with pytest.raises(TypeError, match="integer"):
            ResNetV1b(BasicBlockV1b, [1, 1, "one", 1])
        assert not patch.built and sys.getprofile() is None
        ResNetV1b(BasicBlockV1b, [1, 1, 1, 1])
    assert [(built.name, built.doconv) for built in patch.built] == [("ResNetV1b", 2)]


def test_nothing_matched_stops_where_the_network_is_built():
    with pytest.raises(doconv.DOConvError, match=r"matches no convolution.*features\.0"), doconv.patched(
        include="xyz"
    ):
        get_model(MODEL)
    assert sys.getprofile() is None


def test_a_profiler_that_runs_already_goes_on():
    events = []

    def profiler(frame, event, value):
        events.append(event)

    sys.setprofile(profiler)
    try:
        with doconv.patched():
            net = get_model(MODEL)
        assert sys.getprofile() is profiler
    finally:
        sys.setprofile(None)
    assert len(names_of_d(net)) == 19 and len(events) > 1000


def test_cprofile_goes_on_and_sees_the_zoo():
    profiler = cProfile.Profile()
    with doconv.patched():
        profiler.enable()
        net = get_model(MODEL)
        sum(range(10))
        profiler.disable()
    profiler.create_stats()
    calls = {key[2]: stat[0] for key, stat in profiler.stats.items()}
    assert len(names_of_d(net)) == 19
    assert (calls["get_cifar_resnet"], calls["_make_layer"]) == (1, 3)
    assert calls["<built-in method builtins.sum>"] >= 1


def test_networks_built_in_a_network_are_parts_of_it():
    kwargs = {"model": "fcn", "dataset": "citys", "backbone": "resnet50", "pretrained_base": False}
    stock = get_segmentation_model(**kwargs).collect_params()
    kernels = [name for name, parameter in stock.items() if len(parameter.shape) == 4]
    with doconv.patched() as patch:
        get_segmentation_model(**kwargs)
    assert [built.convolutions for built in patch.built] == [len(kernels)]
