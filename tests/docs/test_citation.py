"""What is cited is the version that is released."""

import re
from pathlib import Path

import gluon_doconv

CITATION = Path(__file__).resolve().parents[2] / "CITATION.cff"


def test_the_citation_names_this_version():
    (version,) = re.findall(r"^version: (.+)$", CITATION.read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert version == gluon_doconv.__version__
