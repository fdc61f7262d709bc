"""``gluon-doconv``: every verb is a thin call into the package, which it imports when it is called."""

from __future__ import annotations

import click

from .. import __version__
from .checkout import patching
from .data import data
from .demo import demo
from .doctor import doctor
from .errors import Verbs
from .figure import figure
from .files import fold, inspect
from .models import export, macc, summary
from .report import report
from .reproduce import reproduce
from .run import run


@click.group(
    cls=Verbs,
    context_settings={
        "help_option_names": ["-h", "--help"],
        "max_content_width": 110,
        "auto_envvar_prefix": "GLUON_DOCONV",
    },
)
@click.version_option(__version__, prog_name="gluon-doconv")
def main() -> None:
    """Train GluonCV networks with DO-Conv, and fold them into ordinary ones."""


for command in (
    run,
    fold,
    inspect,
    summary,
    macc,
    export,
    patching,
    data,
    demo,
    figure,
    reproduce,
    report,
    doctor,
):
    main.add_command(command)
