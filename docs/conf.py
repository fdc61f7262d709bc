"""How Sphinx builds the documentation: ``scripts/docs`` does it."""

from __future__ import annotations

import sys
from pathlib import Path

DOCS = Path(__file__).resolve().parent
sys.path[:0] = [str(DOCS / "_ext"), str(DOCS.parent)]

import gluon_doconv  # noqa: E402

project = "gluon_doconv"
author = "the gluon_doconv authors"
version = release = gluon_doconv.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.doctest",
    "numpydoc",
    "myst_nb",
    "sphinx_click",
    "mathml",
    "repository_links",
    "documented_names",
]
exclude_patterns = ["_build", "_ext", "results/digits"]
highlight_language = "none"  # commands; Python blocks say what they are

# Markdown
myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 3
nb_execution_mode = "cache"
nb_execution_in_temp = True
nb_merge_streams = True
nb_execution_timeout = 600  # seconds, of a cell
nb_execution_raise_on_error = True

# The reference, from docstrings
autodoc_typehints = "none"  # the docstrings say more
numpydoc_show_class_members = False
doctest_global_setup = """
import os, tempfile, warnings
os.chdir(tempfile.mkdtemp())  # examples write files
warnings.filterwarnings("ignore", module="mxnet")  # retired, and not ours to correct
import gluon_doconv as doconv
import mxnet as mx
from gluoncv.model_zoo import get_model
mx.random.seed(0)
"""

# HTML; nothing is fetched from the network when a page is read
html_theme = "pydata_sphinx_theme"
html_title = "gluon_doconv"
html_static_path = ["_static"]
html_css_files = ["pages.css"]
html_math_renderer = "mathml"
html_show_sourcelink = False
html_theme_options = {
    "logo": {"text": "gluon_doconv"},
    "header_links_before_dropdown": 7,
    "navbar_align": "left",
    "show_toc_level": 2,
    "footer_start": ["copyright"],
    "footer_end": [],
    "secondary_sidebar_items": ["page-toc"],
}
html_copyright = "Apache License 2.0"
html_sidebars = {"start": [], "faq": []}
