"""Syntax highlighting of student code."""

from __future__ import annotations

from markupsafe import Markup
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

_LEXER = PythonLexer(stripnl=True, ensurenl=False)
_FORMATTER = HtmlFormatter(nowrap=True)


def highlighted(source: str) -> Markup:
    """Python source as spans with Pygments' short class names."""
    return Markup(highlight(source, _LEXER, _FORMATTER))  # noqa: S704 - Pygments escapes the source
