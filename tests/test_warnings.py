"""A warning of our own that no test expects is an error, wherever it is said to come from."""

import warnings

import gluon_doconv as doconv

import pytest
from networks import doconv_network


def test_what_has_been_done_already_is_an_error_where_it_is_not_expected():
    with pytest.raises(doconv.DOConvWarning, match="DO-Conv already"):
        doconv.over_parameterize(doconv_network())


@pytest.mark.parametrize("module", ["gluoncv.model_zoo.resnet", "mxnet.gluon.block", "__main__"])
def test_so_it_is_when_others_called_us(module):
    with pytest.raises(doconv.DOConvWarning):
        warnings.warn_explicit("mine", doconv.DOConvWarning, "script.py", 1, module=module)


def test_the_warnings_of_what_is_retired_are_not_shown():
    with warnings.catch_warnings(record=True) as shown:
        warnings.warn_explicit("theirs", UserWarning, "block.py", 1, module="mxnet.gluon.block")
        warnings.warn_explicit("somebody's", UserWarning, "module.py", 1, module="mxnet_addition")
    assert [str(warning.message) for warning in shown] == ["somebody's"]
