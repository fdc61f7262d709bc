"""Mistakes as one line, never as a traceback."""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import Any, Iterator

import click

from ..errors import DOConvError

# What else has to be installed, by the module that turned out to be missing.
EXTRAS = {
    "PIL": "demo",
    "jinja2": "demo",
    "markdown_it": "demo",
    "matplotlib": "demo",
    "mlxtend": "demo",
    "mxnet": "cpu",
    "onnx": "onnx",
    "onnxruntime": "onnx",
    "pycocotools": "demo",
    "skimage": "demo",
    "tensorboardX": "tensorboard",
}


class Verbs(click.Group):
    """Commands whose mistakes are shown as messages; what remains a traceback is a fault of this package."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command that was asked for."""
        with errors_as_messages():
            return super().invoke(ctx)


@contextmanager
def errors_as_messages() -> Iterator[None]:
    """Show a :class:`DOConvError`, an error of the system, or a package that is missing as one line.

    Raises
    ------
    click.ClickException
        In the place of these. A closed pipe is none of them: nobody reads the message.
    """
    try:
        yield
    except BrokenPipeError:
        raise
    except ModuleNotFoundError as error:
        raise click.ClickException(_missing(error)) from error
    except OSError as error:
        raise click.ClickException(_system(error)) from error
    except DOConvError as error:
        raise click.ClickException(str(error)) from error


@contextmanager
def explain_shape_errors(model: str, input_shape: tuple[int, ...] | None) -> Iterator[None]:
    """Explain what ``model``, run on an input of this shape, says against it.

    Raises
    ------
    DOConvError
        With the model, the shape, and the line of the error in which MXNet says what was wrong.
    """
    try:
        yield
    except DOConvError:
        raise
    except (ValueError, TypeError, RuntimeError) as error:  # MXNetError is a RuntimeError
        checks = re.findall(r"Check failed: (.+)", str(error))
        reason = checks[-1] if checks else str(error).strip().splitlines()[-1]
        raise DOConvError(
            f"{model} does not run on an input of shape {input_shape}: {reason}. "
            "Give another with --input-shape."
        ) from error


def _missing(error: ModuleNotFoundError) -> str:
    package = (error.name or "").split(".")[0]
    if package in EXTRAS:
        return f"{package} is not installed; it comes with pip install 'gluon_doconv[{EXTRAS[package]}]'"
    return f"{package or error} is not installed; gluon-doconv doctor lists what is"


def _system(error: OSError) -> str:
    """Name the file, and what the system says of it; a library that does not load has said all that itself."""
    if error.strerror is None:
        return f"{error}; gluon-doconv doctor says what this machine lacks"
    return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
