"""Folders of runs as one HTML file."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Sequence

from jinja2 import Environment, PackageLoader, StrictUndefined

from ... import __version__
from ...disk.atomic import write_text
from .markdown import to_html
from .parts import Run
from .runs import read_runs


def write_page(folders: Sequence[Path], target: Path) -> None:
    """Write what the runs in ``folders`` have left as one HTML file, atomically.

    Raises
    ------
    DOConvError
        If a folder is missing, holds no finished run, or a damaged one.
    """
    html = render([run for folder in folders for run in read_runs(folder)])
    write_text(target, html)


def render(runs: Sequence[Run]) -> str:
    """Fill in the page."""
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
