"""Folders of runs as one HTML file."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Callable, Sequence

from jinja2 import Environment, PackageLoader, StrictUndefined

from ... import __version__
from ...errors import DOConvError
from ...files.atomic import atomic
from . import demo, reproduction
from .markdown import to_html
from .parts import Run

READERS: dict[str, Callable[[Path], list[Run]]] = {  # by the file that tells what a folder is
    demo.RESULTS: demo.read_demo,
    reproduction.RESULTS: reproduction.read_reproduction,
}


def write_page(folders: Sequence[Path], target: Path) -> None:
    """Write what the runs in ``folders`` have left as one HTML file, atomically.

    Raises
    ------
    DOConvError
        If a folder is missing, holds no finished run, or a damaged one.
    """
    html = render([run for folder in folders for run in read_runs(folder)])
    with atomic(target) as (temporary,):
        Path(temporary).write_text(html, encoding="utf-8")


def read_runs(folder: Path) -> list[Run]:
    """What is to be said of a folder.

    Raises
    ------
    DOConvError
        As :func:`write_page`.
    """
    if not folder.is_dir():
        raise DOConvError(f"{folder}: there is no such folder")
    found = [read for name, read in READERS.items() if (folder / name).is_file()]
    if not found:
        names = ", ".join(sorted(path.name for path in folder.iterdir())[:5]) or "nothing"
        raise DOConvError(
            f"{folder} holds no finished run: neither {demo.RESULTS}, which `gluon-doconv demo` writes, nor "
            f"{reproduction.RESULTS}, which `gluon-doconv reproduce` writes; it holds {names}"
        )
    return [run for read in found for run in read(folder)]


def render(runs: Sequence[Run]) -> str:
    """The page."""
    environment = Environment(
        loader=PackageLoader(__package__, "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["html_of_markdown"] = to_html
    date = datetime.now().strftime("%Y-%m-%d %H:%M")
    return environment.get_template("page.html").render(runs=runs, version=__version__, date=date) + "\n"
