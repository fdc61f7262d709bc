"""What Gluon has to know of D from the first import on, be GluonCV patched or not.

Without any D everything stays as it was: each hook then calls what it hooks with what that was given.
"""

from __future__ import annotations

from types import ModuleType

from ..calls import Call
from ..monkeypatch import Undo, intercept_all, when_imported


def tell_gluon_of_d() -> Undo:
    """Hook into ``mxnet.gluon`` as soon as it is imported.

    A Trainer that is given a weight trains its D, too, and one that is not given the weight does not. Files
    without D load as those in which D is the identity; what else they lack is the error it was.
    """
    return when_imported("mxnet.gluon", _hook)


def _hook(gluon: ModuleType) -> Undo:
    return intercept_all(
        (gluon.Trainer, "__init__", _make_trainer),
        (gluon.Block, "load_parameters", _load_parameters),
        (gluon.ParameterDict, "load_dict", _load_dict),
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
