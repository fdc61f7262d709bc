"""What public functions are given, checked before anything is done.

A mistake is one sentence that names the argument, what was given, and what is wanted.
"""

from __future__ import annotations

import functools
import inspect
import os
import re
from argparse import ArgumentParser
from numbers import Integral
from types import FunctionType
from typing import Any, Callable, Iterable, Mapping, TypeVar, cast

import mxnet as mx
import numpy as np
from mxnet.gluon import Block, ParameterDict

from ..errors import DOConvError, describe

Check = Callable[[Any], Any]  # from what was given to what is meant; raises DOConvError where that is nothing
Function = TypeVar("Function", bound=Callable[..., Any])

INSTEAD_OF_A_NETWORK: Mapping[type, str] = {
    str: "build it first, as gluoncv.model_zoo.get_model does; for a file there is fold_params",
    os.PathLike: "for a file there is fold_params",
    ParameterDict: "give the network that these parameters are of",
    mx.sym.Symbol: "make it a gluon SymbolBlock",
    mx.mod.BaseModule: "give its symbol and its parameters to a gluon SymbolBlock",
    type: "call it, and give what it returns",
    FunctionType: "call it, and give what it returns",
    list: "give its networks one by one",
    tuple: "give its networks one by one",
}


def takes(**checks: Check) -> Callable[[Function], Function]:
    """Have each argument named here pass its check, and be what that returns.

    Raises
    ------
    DOConvError
        When the function is called, before anything is done: the check's, with the argument named before it.
        Or what MXNet refuses later, in one line.
    """

    def decorate(function: Function) -> Function:
        signature = inspect.signature(function)

        @functools.wraps(function)
        def checked(*args: Any, **kwargs: Any) -> Any:
            try:
                given = signature.bind(*args, **kwargs)
            except TypeError:
                return function(*args, **kwargs)  # which says it in its own words
            for name, value in given.arguments.items():
                if name in checks:
                    given.arguments[name] = _checked(name, value, checks[name])
            try:
                return function(*given.args, **given.kwargs)
            except mx.MXNetError as error:
                raise DOConvError(
                    f"MXNet refuses what {function.__name__} asks of it: {reason(error)}"
                ) from error

        return cast(Function, checked)

    return decorate


def reason(error: BaseException) -> str:
    """Find the line of an error of MXNet's that says what was wrong."""
    checks = re.findall(r"Check failed: (.+)", str(error))
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return re.sub("^MXNetError: |[: ]+$", "", checks[-1] if checks else lines[-1])


def _checked(name: str, value: Any, check: Check) -> Any:
    try:
        return check(value)
    except DOConvError as error:
        raise DOConvError(f"{name}: {error}") from error


def a_network(given: Any) -> Block:
    """Take a network, or the ``module`` of what has one, as GluonCV's DataParallelModel has."""
    if isinstance(given, Block):
        return given
    if isinstance(getattr(given, "module", None), Block):
        return given.module
    if isinstance(getattr(given, "net", None), Block):
        hint = "give its .net"
    else:
        hint = next((hint for kind, hint in INSTEAD_OF_A_NETWORK.items() if isinstance(given, kind)), "")
    raise _mistake(given, "a network (a gluon Block)", hint)


def a_path(given: Any) -> Any:
    """Take the path of a file, or what the names of several begin with."""
    if (
        not isinstance(given, (str, os.PathLike))
        or not isinstance(os.fspath(given), str)
        or not os.fspath(given)
        or "\0" in os.fspath(given)
    ):
        raise _mistake(given, "a path such as 'net.params'")
    return given


def a_path_or_arrays(given: Any) -> Any:
    """Take the path of a file, or what it would hold."""
    return given if isinstance(given, Mapping) else a_path(given)


def an_epoch(given: Any) -> int:
    """Take the number in the name of a file."""
    if not _is_whole_number(given) or given < 0:
        raise _mistake(given, "a whole number of at least 0")
    return int(given)


def contexts(given: Any) -> Any:
    """Take a device, several, or None for the present one."""
    listed = given if isinstance(given, (list, tuple)) and given else [given]
    if given is not None and not all(isinstance(one, mx.Context) for one in listed):
        raise _mistake(given, "a context such as mx.cpu() or mx.gpu(0) or a list of them")
    return given


def a_shape(given: Any) -> tuple[int, ...]:
    """Take the shape of one input, the batch included."""
    sizes = _listed(given)
    if not sizes or not all(_is_whole_number(size) and size > 0 for size in sizes):
        raise _mistake(
            given,
            "the shape of a batch such as (1, 3, 224, 224)",
            "each size is a whole number, and none is open",
        )
    return tuple(int(size) for size in sizes)


def a_shape_or_none(given: Any) -> tuple[int, ...] | None:
    """Take the shape of one input, or None."""
    return None if given is None else a_shape(given)


def one_or_more_shapes(given: Any) -> list[tuple[int, ...]]:
    """Take the shape of the one input, or one for each input; give back the latter."""
    listed = _listed(given)
    if listed and all(_listed(one) for one in listed):
        return [a_shape(one) for one in listed]
    return [a_shape(given)]


def a_dtype(given: Any) -> str:
    """Take a type of numbers, and give back its name."""
    try:
        return np.dtype(given).name
    except TypeError as error:
        raise _mistake(given, "the name of a type of numbers such as 'float32'") from error


def a_namespace(given: Any) -> Any:
    """Take what a parser has read: an object with an attribute for each option."""
    if not hasattr(given, "__dict__") or isinstance(given, ArgumentParser):
        raise _mistake(given, "the namespace that parse_args() returns")
    return given


def a_function(given: Any) -> Any:
    """Take whatever can be called."""
    if not callable(given):
        raise _mistake(given, "a function")
    return given


def instance_of(kind: type, wanted: str) -> Check:
    """Make a check for any instance of ``kind``; ``wanted`` is what errors call it."""

    def check(given: Any) -> Any:
        if not isinstance(given, kind):
            raise _mistake(given, wanted)
        return given

    return check


def _mistake(given: Any, wanted: str, hint: str = "") -> DOConvError:
    return DOConvError(f"{describe(given)} was given where {wanted} is wanted{hint and f': {hint}'}")


def _is_whole_number(given: Any) -> bool:
    return isinstance(given, Integral) and not isinstance(given, bool)


def _listed(given: Any) -> list[Any]:
    """The items of ``given``; none where it has none, or is a text."""
    return list(given) if isinstance(given, Iterable) and not isinstance(given, (str, bytes, Mapping)) else []
