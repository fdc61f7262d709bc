"""``python -m gluon_doconv``."""

from .cli import main

main(prog_name="gluon-doconv")
