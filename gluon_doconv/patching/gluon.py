"""What MXNet has to know of D from the first import on, be GluonCV patched or not.

Without any D everything stays as it was: each hook then calls what it hooks with what that was given.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

from ..calls import Call
from ..monkeypatch import Undo, intercept_all, when_imported


def tell_gluon_of_d() -> Undo:
    """Hook into ``mxnet.gluon``, and what is imported before it, as soon as it is imported.

    A Trainer that is given a weight trains its D, too, and one that is not given the weight does not. Files
    without D load as those in which D is the identity; what else they lack is the error it was. A FeedForward,
    which does not look at how a variable is to start, starts each D as its symbol says.
    """
    return when_imported("mxnet.gluon", _hook)


def _hook(gluon: ModuleType) -> Undo:
    return intercept_all(
        (gluon.Trainer, "__init__", _make_trainer),
        (gluon.Block, "load_parameters", _load_parameters),
        (gluon.ParameterDict, "load_dict", _load_dict),
        (sys.modules["mxnet.model"].FeedForward, "_init_params", _init_params),
    )


def _make_trainer(call: Call) -> None:
    from ..core.trainer import with_ds

    call(params=with_ds(call["params"]))


def _load_parameters(call: Call) -> None:
    from ..core.coupling import has_d

    if not has_d(call.instance.collect_params().values()):
        return call()
    from ..files.identities import completed_file

    with completed_file(call.instance, call["filename"]) as file:
        return call(filename=file)


def _load_dict(call: Call) -> None:
    from ..core.coupling import has_d

    parameters, found = call.instance, call["param_dict"]
    if not has_d(parameters.values()) or not isinstance(found, dict):
        return call()
    from ..files.identities import with_identities_by_name

    return call(param_dict=with_identities_by_name(found, parameters, call["restore_prefix"]))


def _init_params(call: Call) -> Any:
    from mxnet.initializer import InitDesc

    from ..core.symbol_params import ds_of

    model, initializer = call.instance, call.instance.initializer
    attributes, arguments = model.symbol.attr_dict(), model.symbol.list_arguments()
    ds = ds_of(arguments, arguments).values()

    def initialize(name: str, array: Any) -> None:
        initializer(InitDesc(name, attributes.get(name)) if name in ds else name, array)

    model.initializer = initialize
    try:
        return call()
    finally:
        model.initializer = initializer
