"""Markdown as HTML: paragraphs, headings and tables, and nothing that leads out of the page."""

from __future__ import annotations

from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup, escape

from .parts import SMOKE

PARSER = MarkdownIt("zero").enable(["heading", "table"])  # any HTML in the text is shown as it is written


def to_html(text: str, caption: str) -> Markup:
    """Render ``text``; its tables get the ``caption``, headers and a frame in which they can be scrolled."""
    tokens = PARSER.parse(text)
    for place, token in enumerate(tokens):
        if token.type == "th_open":
            _column_header(*tokens[place : place + 3])
        elif token.type == "tr_open" and tokens[place + 1].type == "td_open":
            _row_header(tokens[place + 1], tokens[place + 3])
        elif token.type == "paragraph_open" and tokens[place + 1].content.startswith(SMOKE):
            token.attrSet("class", "warning")
    html = PARSER.renderer.render(tokens, PARSER.options, {})
    frame = f'<div class="wide" role="region" tabindex="0" aria-label="{escape(caption)}">'
    opened = html.replace("<table>", f"{frame}<table><caption>{escape(caption)}</caption>")
    return Markup(opened.replace("</table>", "</table></div>"))


def _column_header(opening: Token, content: Token, closing: Token) -> None:
    """An empty one is no header."""
    if content.content:
        opening.attrSet("scope", "col")
    else:
        opening.tag = closing.tag = "td"


def _row_header(opening: Token, closing: Token) -> None:
    opening.tag = closing.tag = "th"
    opening.attrSet("scope", "row")
