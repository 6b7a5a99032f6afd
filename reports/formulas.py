"""LaTeX formulas as MathML, which browsers typeset by themselves: no script, font or network.

What the converter returns is taken as a tree of which only known elements and harmless attributes
are written, so that no formula puts anything else on a page.
"""

from __future__ import annotations

import json
import re
import unicodedata
from functools import lru_cache
from html import unescape
from typing import Any
from xml.etree.ElementTree import Element

from latex2mathml.converter import Converter
from markupsafe import Markup, escape

from reports.typeset import prose

_MAX_CHARACTERS = 1500
_MAX_DEPTH = 64
# A few macros that hold each other could grow without end.
_MACRO = r"\newcommand"
_MAX_SIDE = 8  # rows and columns of a matrix that is worth setting

_ELEMENTS = re.compile(
    r"math|mrow|mi|mn|mo|mtext|mspace|msup|msub|msubsup|mfrac|msqrt|mroot|mover|munder|munderover"
    r"|mtable|mtr|mtd|mstyle|mpadded|mphantom|mmultiscripts|mprescripts|none"
)
_ROWS = {"math", "mrow", "mstyle", "mtd"}  # of any number of elements
# With their values; spaces are small, since large and negative ones would cover other text.
_ATTRIBUTES = re.compile(
    r"(?:display|displaystyle|scriptlevel|stretchy|fence|separator|form|accent|accentunder"
    r"|columnalign|movablelimits|symmetric|largeop)=(?:[a-z ]{1,40}|[012])"
    r"|(?:width|minsize|maxsize|lspace|rspace)=[0-2]?(?:\.\d{1,4})?em"
)

_DOLLARS = re.compile(
    r"\$\$(?P<shown>[^$]+)\$\$|\$(?![\s$])(?P<inline>(?:\\.|[^$\\])+)(?<!\s)\$(?!\d)", re.DOTALL
)
_INDEXED = re.compile(r"([A-Za-z])_?([0-9]|[a-z])")


def with_math(text: str) -> Markup:
    """Text in which what stands between dollar signs is typeset, and all else is plain."""
    parts, end = [], 0
    for found in _DOLLARS.finditer(text):
        shown = found["shown"] is not None
        source = found["shown"] if shown else found["inline"]
        parts += [escape(text[end : found.start()]), formula(source, display=shown)]
        end = found.end()
    return Markup().join([*parts, escape(text[end:])])


@lru_cache(maxsize=1024)
def formula(latex: str, *, display: bool = False) -> Markup:
    """A formula; its source where it cannot be typeset."""
    source = prose(latex, _MAX_CHARACTERS).strip()
    mode = "block" if display else "inline"
    try:
        if _MACRO in source:
            raise ValueError("macros are not typeset")
        return _written(Converter(display=mode).convert_to_element(source))
    except Exception:  # noqa: BLE001 - a foreign parser and a stranger's formula: anything may happen
        return Markup("<code>{}</code>").format(source)


def symbol(name: str) -> Markup:
    """A name of a variable: `x_t` and `x0` with an index, others as they are."""
    if indexed := _INDEXED.fullmatch(name):
        return Markup("<var>{}<sub>{}</sub></var>").format(*indexed.groups())
    return Markup("<var>{}</var>").format(name)


def numbers(text: str) -> Markup:
    """A value: as a matrix where it is a small one, written as nested lists, else as it is."""
    try:
        rows = json.loads(text)
    except (ValueError, RecursionError):
        return escape(text)
    if not _is_table(rows):
        return escape(text)
    cells = Markup().join(
        Markup("<mtr>{}</mtr>").format(
            Markup().join(Markup("<mtd><mn>{}</mn></mtd>").format(_signed(cell)) for cell in row)
        )
        for row in rows
    )
    # The style sheet draws the brackets: few machines have a font that stretches them.
    return Markup("<math><mtable>{}</mtable></math>").format(cells)


def _is_table(rows: Any) -> bool:
    return (
        isinstance(rows, list)
        and 1 < len(rows) <= _MAX_SIDE
        and all(isinstance(row, list) and 0 < len(row) <= _MAX_SIDE for row in rows)
        and len({len(row) for row in rows}) == 1
        and all(type(cell) in (int, float) for row in rows for cell in row)
    )


def _signed(value: float) -> str:
    return repr(value).replace("-", "−")


def _written(element: Element, depth: int = 0) -> Markup:
    """An element as HTML; of one that is not known, its content."""
    if depth > _MAX_DEPTH:
        raise ValueError("nested too deeply")
    text = prose(unescape(element.text or ""), _MAX_CHARACTERS)
    variant = element.get("mathvariant", "")
    inside = escape(_in_font(text, variant))
    before: Element | None = None
    for child in element:
        if before is not None and element.tag in _ROWS and _touch(before, child):
            inside += Markup('<mspace width="0.167em"></mspace>')
        inside += _written(child, depth + 1)
        before = child
    if not _ELEMENTS.fullmatch(element.tag):
        return Markup("<mrow>{}</mrow>").format(inside)
    kept = [
        Markup(' {}="{}"').format(name, value)
        for name, value in element.attrib.items()
        if _ATTRIBUTES.fullmatch(f"{name}={value}")
    ]
    if element.tag == "mi" and variant == "normal":
        kept.append(Markup(' mathvariant="normal"'))
    return Markup("<{0}{1}>{2}</{0}>").format(element.tag, Markup().join(kept), inside)


def _touch(before: Element, after: Element) -> bool:
    """Whether a word such as log stands beside what must not look like a part of it."""
    if "mo" in (before.tag, after.tag) or "mspace" in (before.tag, after.tag):
        return False
    return any(
        side.tag == "mi" and (side.text or "").isalpha() and len(side.text or "") > 1
        for side in (before, after)
    )


def _in_font(text: str, variant: str) -> str:
    """Letters of a font as the characters that Unicode has for them; browsers know no other way."""
    font = variant.upper().replace("-", " ").replace("DOUBLE STRUCK", "DOUBLE-STRUCK")
    if font in ("", "NORMAL", "ITALIC"):
        return text
    return "".join(_letter(character, font) for character in text)


def _letter(character: str, font: str) -> str:
    if not (character.isascii() and character.isalnum()):
        return character
    kind = "DIGIT" if character.isdigit() else "CAPITAL" if character.isupper() else "SMALL"
    name = unicodedata.name(character).rpartition(" ")[2]
    # Some letters had a place before the others, under a shorter name.
    for whole in (f"MATHEMATICAL {font} {kind} {name}", f"{font} {kind} {name}"):
        try:
            return unicodedata.lookup(whole.replace("SANS SERIF", "SANS-SERIF"))
        except KeyError:
            continue
    return character
