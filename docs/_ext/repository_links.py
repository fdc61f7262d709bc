"""Links of the Markdown files outside ``docs/`` that pages include: to the page, or else plain text."""

from __future__ import annotations

from pathlib import Path

from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx

ROOT = Path(__file__).resolve().parents[2]
PAGES = {
    "benchmarks/README.md": "how-it-works/benchmarks",
    "patches/README.md": "guides/checkouts",
    "CHANGELOG.md": "project/changelog",
    "CONTRIBUTING.md": "project/contributing",
    "README.md": "index",
}


def _retarget(app: Sphinx, doctree: nodes.document) -> None:
    """Turn a path from the top of the repository into the name of the page that shows it."""
    for link in list(doctree.findall(pending_xref)):
        path = link["reftarget"].removeprefix("../").split("#")[0]
        if link["reftype"] != "myst" or link.get("refdomain") == "doc" or not (ROOT / path).exists():
            continue
        page = PAGES.get(path, path.removeprefix("docs/").removesuffix(".md"))
        if page in app.env.found_docs:
            link["refdomain"], link["reftarget"], link["reftargetid"] = "doc", page, None
        else:
            link.replace_self(link.children)


def setup(app: Sphinx) -> dict[str, bool]:
    """Do so when a page has been read."""
    app.connect("doctree-read", _retarget)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
