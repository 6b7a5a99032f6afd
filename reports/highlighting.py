"""Syntax highlighting of student code."""

from __future__ import annotations

from collections.abc import Collection

from markupsafe import Markup
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

_LEXER = PythonLexer(stripnl=True, ensurenl=False)
_LEXER_BY_LINE = PythonLexer(stripnl=False, ensurenl=False)
_FORMATTER = HtmlFormatter(nowrap=True)


def highlighted(source: str, marked: Collection[int] = ()) -> Markup:
    """Python source as spans with Pygments' short class names; lines to mark count from 1."""
    if not marked:
        return Markup(highlight(source, _LEXER, _FORMATTER))  # noqa: S704 - Pygments escapes it
    formatter = HtmlFormatter(nowrap=True, hl_lines=sorted(marked))
    return Markup(highlight(source, _LEXER_BY_LINE, formatter))  # noqa: S704 - as above
