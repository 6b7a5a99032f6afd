"""Syntax highlighting of student code."""

from __future__ import annotations

import functools
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
        return _plain(source)
    formatter = HtmlFormatter(nowrap=True, hl_lines=sorted(marked))
    return Markup(highlight(source, _LEXER_BY_LINE, formatter))  # noqa: S704 - as above


# Staff and students are shown the same cells, and a cell nobody changed is in every notebook.
@functools.lru_cache(1024)
def _plain(source: str) -> Markup:
    return Markup(highlight(source, _LEXER, _FORMATTER))  # noqa: S704 - Pygments escapes it
