"""Mistakes as one line, never as a traceback."""

from __future__ import annotations

from contextlib import contextmanager, redirect_stdout
from io import StringIO
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


NO_MISTAKES: tuple[type[Exception], ...] = (
    BrokenPipeError,  # nobody reads the message
    getattr(click.exceptions, "NoArgsIsHelpError", BrokenPipeError),  # click 8.2 raises its help, 8.1 does not
)
LINES = 3  # of an error with many


class Verbs(click.Group):
    """Commands whose mistakes are shown as messages; what remains a traceback is a fault of this package."""

    def make_context(self, *args: Any, **extra: Any) -> click.Context:
        """Read the options before the verb."""
        with errors_as_messages():
            return super().make_context(*args, **extra)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the verb that was asked for."""
        with errors_as_messages():
            return super().invoke(ctx)


class UsageMistake(click.ClickException):
    """A wrong option or argument, shown without the usage of its command."""

    exit_code = click.UsageError.exit_code

    def __init__(self, error: click.UsageError) -> None:
        command = error.ctx.command_path if error.ctx else "gluon-doconv"
        super().__init__(f"{error.format_message().rstrip('.')}; see {command} --help")


@contextmanager
def errors_as_messages() -> Iterator[None]:
    """Show a mistake in options, a :class:`DOConvError`, an error of the system, a missing package as one line.

    Raises
    ------
    click.ClickException
        In the place of these.
    """
    try:
        yield
    except NO_MISTAKES:
        raise
    except click.UsageError as error:
        raise UsageMistake(error) from error
    except ModuleNotFoundError as error:
        raise click.ClickException(_missing(error)) from error
    except ImportError as error:  # of a package that is older than what was asked for needs
        raise click.ClickException(f"{error}; gluon-doconv doctor says which versions there are") from error
    except OSError as error:
        raise click.ClickException(_system(error)) from error
    except DOConvError as error:
        raise click.ClickException(_shortened(str(error))) from error


@contextmanager
def explain_shape_errors(model: str, input_shape: tuple[int, ...] | None) -> Iterator[None]:
    """Explain what ``model``, run on an input of this shape, says against it.

    Raises
    ------
    DOConvError
        With the model, the shape, and the line of the error in which MXNet says what was wrong.
    """
    try:
        with redirect_stdout(StringIO()):  # where MXNet prints the shapes once more
            yield
    except (ValueError, TypeError, RuntimeError) as error:
        cause = (error.__cause__ if isinstance(error, DOConvError) else error) or error
        if isinstance(cause, DOConvError) or (cause is not error and not isinstance(cause, RuntimeError)):
            raise
        from ..core.arguments import reason

        raise DOConvError(
            f"{model} does not run on an input of shape {input_shape}: {reason(cause)}. "
            "Give another with --input-shape."
        ) from error


def _shortened(text: str) -> str:
    """Join the lines of a message, of a long list the first of them."""
    lines = [line.strip() for line in text.splitlines()]
    more = [f"and {len(lines) - LINES} more"] if len(lines) > LINES else []
    return "; ".join([*lines[:LINES], *more])


def _missing(error: ModuleNotFoundError) -> str:
    package = (error.name or "").split(".")[0]
    if package in EXTRAS:
        return f"{package} is not installed; it comes with pip install 'gluon_doconv[{EXTRAS[package]}]'"
    return f"{package or error} is not installed; gluon-doconv doctor lists what is"


def _system(error: OSError) -> str:
    """Name the file, and what the system says of it; a library that does not load has said all that itself."""
    if error.strerror is None:
        return f"{error}; gluon-doconv doctor says what this machine lacks"
    file = error.filename2 or error.filename  # the second of a renaming: what is written gets its name last
    return f"{file}: {error.strerror}" if file else error.strerror
