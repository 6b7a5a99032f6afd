"""Markdown that a student wrote: paragraphs, lists, tables, code and formulas, and nothing active.

No HTML, link or picture comes through; their source is shown as text.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup
from mdit_py_plugins.amsmath import amsmath_plugin
from mdit_py_plugins.dollarmath import dollarmath_plugin

from reports.formulas import formula

# Entities could spell what `typeset` has made visible, such as marks that turn the text around.
_OFF = ("html_block", "html_inline", "image", "link", "autolink", "reference", "entity")


def rendered(text: str) -> Markup:
    """HTML of a cell; headings become paragraphs, since the page has an outline of its own."""
    return Markup(_PARSER.render(text))  # noqa: S704 - escaped by a parser that lets no HTML through


def _dollars(latex: str, options: dict[str, Any]) -> str:
    return str(formula(latex, display=options["display_mode"]))


def _environment(latex: str) -> str:
    return str(formula(latex, display=True))


def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False}).enable("table").disable(list(_OFF))
    dollarmath_plugin(
        parser, allow_labels=False, allow_digits=False, double_inline=True, renderer=_dollars
    )
    amsmath_plugin(parser, renderer=_environment)
    # A paragraph cannot hold the <div> that the plugin makes of it.
    parser.add_render_rule("math_inline_double", _in_a_line)
    parser.add_render_rule("heading_open", lambda *_: '<p class="heading">')
    parser.add_render_rule("heading_close", lambda *_: "</p>\n")
    return parser


def _in_a_line(_: object, tokens: Sequence[Token], index: int, *__: object) -> str:
    return f"<span>{formula(tokens[index].content, display=True)}</span>"


_PARSER = _parser()
