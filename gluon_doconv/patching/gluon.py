"""What Gluon has to know of D from the first import on, be GluonCV patched or not.

Without any D everything stays as it was: each hook then calls what it hooks with what that was given.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any, Callable

from ..monkeypatch import Undo, when_imported, wrap_method


def tell_gluon_of_d() -> Undo:
    """Hook into ``mxnet.gluon`` as soon as it is imported.

    A Trainer that is given a weight trains its D, too, and one that is not given the weight does not. Files
    without D load as those in which D is the identity; what else they lack is the error it was.
    """
    return when_imported("mxnet.gluon", _hook)


def _hook(gluon: ModuleType) -> Undo:
    undos = [
        wrap_method(gluon.Trainer, "__init__", _make_trainer),
        wrap_method(gluon.Block, "load_parameters", _load_parameters),
        wrap_method(gluon.ParameterDict, "load_dict", _load_dict),
    ]

    def undo() -> None:
        for one in reversed(undos):
            one()

    return undo


def _make_trainer(original: Callable[..., None], trainer: Any, params: Any, *args: Any, **kwargs: Any) -> None:
    from ..core.trainer import with_ds

    original(trainer, with_ds(params), *args, **kwargs)


def _load_parameters(original: Callable[..., None], net: Any, filename: str, *args: Any, **kwargs: Any) -> None:
    from ..core.coupling import has_d

    if not has_d(net.collect_params().values()):
        return original(net, filename, *args, **kwargs)
    from ..files.checkpoint import completed_file

    with completed_file(net, filename) as file:
        return original(net, file, *args, **kwargs)


def _load_dict(
    original: Callable[..., None], parameters: Any, param_dict: Any, *args: Any, **kwargs: Any
) -> None:
    from ..core.coupling import has_d

    if not has_d(parameters.values()) or not isinstance(param_dict, dict):
        return original(parameters, param_dict, *args, **kwargs)
    from ..files.checkpoint import with_identities_by_name

    prefix = kwargs.get("restore_prefix", args[3] if len(args) > 3 else "")
    return original(parameters, with_identities_by_name(param_dict, parameters, prefix), *args, **kwargs)
