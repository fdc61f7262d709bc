"""Links of the Markdown files outside ``docs/`` that pages include: to a page if there is one, else plain text."""

from __future__ import annotations

from pathlib import Path

from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util.nodes import make_refnode

ROOT = Path(__file__).resolve().parents[2]
PAGES = {
    "benchmarks/README.md": "how-it-works/benchmarks",
    "patches/README.md": "guides/checkouts",
    "CHANGELOG.md": "project/changelog",
    "CONTRIBUTING.md": "project/contributing",
    "README.md": "index",
}


def _resolve(
    app: Sphinx, env: BuildEnvironment, node: pending_xref, contents: nodes.Element
) -> nodes.Element | None:
    path = node.get("reftarget", "").removeprefix("../").split("#")[0]
    if not path or not (ROOT / path).exists():
        return None
    page = PAGES.get(path, path.removeprefix("docs/").removesuffix(".md"))
    if page not in env.all_docs:
        return contents
    return make_refnode(app.builder, node["refdoc"], page, None, contents)


def setup(app: Sphinx) -> dict[str, bool]:
    """Listen for references that nothing else resolves."""
    app.connect("missing-reference", _resolve)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
