"""Text and numbers as they stand on a page: bounded, free of control characters, tidy."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

# ECMA-48 control sequences, operating system commands, and two-character escapes.
_ANSI = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[@-_]|\x9b[0-?]*[ -/]*[@-~]"
)
# Marks that reorder the text around them: they could make code read as other code (CVE-2021-42574).
_BIDI = (0x61C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A))
_VISIBLE: dict[int, str] = (
    {code: chr(0x2400 + code) for code in range(32) if chr(code) not in "\n\t"}
    | dict.fromkeys(range(0x80, 0xA0), "\N{REPLACEMENT CHARACTER}")
    | {code: f"‹U+{code:04X}›" for code in _BIDI}
    | {0x7F: "\N{SYMBOL FOR DELETE}", 0x2028: "\n", 0x2029: "\n"}
)
_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


@dataclass(frozen=True, slots=True)
class Passage:
    """Text cut to a length, and how many characters were left out."""

    text: str
    omitted: int = 0


def passage(text: object, limit: int) -> Passage:
    """The first `limit` characters; escape sequences removed, control characters visible."""
    whole = text if isinstance(text, str) else str(text)
    shown = _ANSI.sub("", whole[:limit])
    lines = (line.rstrip("\r").rpartition("\r")[2] for line in shown.split("\n"))
    visible = "\n".join(lines).translate(_VISIBLE)
    return Passage(visible.encode("utf-8", "replace").decode("utf-8"), max(0, len(whole) - limit))


def prose(text: object, limit: int = 2000) -> str:
    """A message; an ellipsis marks where it was cut."""
    cut = passage(text, limit)
    return cut.text + "…" if cut.omitted else cut.text


def label(text: object, limit: int = 80) -> str:
    """A name on one line."""
    return " ".join(prose(text, limit).split())


def points(value: float) -> str:
    """Points as people write them: 2, 1.5, 0.33."""
    if not math.isfinite(value):
        return "–"
    return f"{value + 0.0:.2f}".rstrip("0").rstrip(".")  # -0.0 + 0.0 is 0.0


def number(value: float) -> str:
    """Four significant digits, powers of ten as superscripts.

    >>> number(1e-9), number(0.25), number(1.5e12)
    ('10⁻⁹', '0.25', '1.5 × 10¹²')
    """
    if isinstance(value, int) and abs(value) < 10**6:
        return str(value).replace("-", "−")
    try:
        mantissa, _, exponent = f"{value:.4g}".partition("e")
    except OverflowError:  # an integer beyond every float
        return "beyond 10³⁰⁸"
    if not exponent:
        return mantissa.replace("-", "−")
    power = "10" + str(int(exponent)).translate(_SUPERSCRIPTS)
    return power if mantissa == "1" else f"{mantissa.replace('-', '−')} × {power}"


def fact(value: object, depth: int = 3) -> str:
    """A piece of evidence: numbers rounded, lists shortened."""
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: "none"}[value]
    if isinstance(value, int | float):
        return number(value)
    if isinstance(value, Mapping) and depth:
        return _joined(
            [f"{label(k, 40)} {fact(v, depth - 1)}" for k, v in list(value.items())[:13]]
        )
    if isinstance(value, list | tuple) and depth:
        return _joined([fact(item, depth - 1) for item in value[:13]])
    return label(value, 300)


def duration(seconds: float) -> str:
    """Seconds below two minutes, then minutes and hours."""
    if not math.isfinite(seconds):
        return "unknown"
    if seconds < 1:
        return f"{1000 * seconds:.0f} ms"
    if seconds < 120:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 120 else f"{minutes // 60} h {minutes % 60} min"


def size(bytes_: int) -> str:
    """Binary units."""
    for unit, scale in (("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)):
        if bytes_ >= scale:
            return (
                f"{bytes_ / scale:.3g} {unit}"
                if bytes_ < 1000 * scale
                else f"{bytes_ // scale} {unit}"
            )
    return f"{bytes_} B"


def shape(dims: tuple[int, ...] | None) -> str:
    """As numpy and torch print it; nothing where there is no shape."""
    if dims is None:
        return ""
    return str(dims[:8]) if dims else "scalar"


def counted(count: int, noun: str) -> str:
    """A number with its noun: 1 question, 3 questions."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _joined(parts: list[str]) -> str:
    return ", ".join(parts[:12]) + (", …" if len(parts) > 12 else "")
