"""What a cell printed and drew, reduced to text and pixels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from reports.images import Picture, redraw
from reports.notebook import joined
from reports.typeset import Passage, counted, label, passage

_MAX_OUTPUTS = 24
_MAX_PICTURES = 8
_MAX_CHARACTERS = 6000


@dataclass(frozen=True, slots=True)
class Printed:
    """Text that a cell wrote; `kind` is output, stderr or error."""

    kind: str
    passage: Passage


@dataclass(frozen=True, slots=True)
class Withheld:
    """An output that is named and not shown."""

    reason: str


Output: TypeAlias = Printed | Picture | Withheld

_PICTURES = {"image/png": "PNG", "image/jpeg": "JPEG"}
_WITHHELD = {
    "text/html": "HTML",
    "image/svg+xml": "SVG",
    "application/javascript": "JavaScript",
    "text/markdown": "Markdown",
    "text/latex": "LaTeX",
    "application/pdf": "PDF",
}


def shown(outputs: Sequence[dict[str, Any]], question: str) -> tuple[Output, ...]:
    """The outputs of one cell, bounded in number and in length.

    Args:
        outputs: as they stand in the notebook, of any shape.
        question: title that the pictures' descriptions refer to.
    """
    kept: list[Output] = []
    for raw in _merged(outputs[:_MAX_OUTPUTS]):
        pictures = sum(isinstance(output, Picture) for output in kept)
        kept.extend(_one(raw, f"Figure {pictures + 1} of {question}", pictures < _MAX_PICTURES))
    rest = len(outputs) - _MAX_OUTPUTS
    if rest > 0:
        kept.append(Withheld(f"{counted(rest, 'further output')} not shown"))
    return tuple(kept)


def _merged(outputs: Sequence[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Consecutive pieces of one stream as one piece."""
    held: dict[str, Any] = {}
    for raw in outputs:
        stream = raw.get("output_type") == "stream"
        if stream and held and held.get("name") == raw.get("name"):
            held = held | {"text": joined(held.get("text")) + joined(raw.get("text"))}
            continue
        if held:
            yield held
        held = raw if stream else {}
        if not stream:
            yield raw
    if held:
        yield held


def _one(raw: dict[str, Any], alt: str, room: bool) -> Iterator[Output]:
    kind = raw.get("output_type")
    if kind == "stream":
        stream = "stderr" if raw.get("name") == "stderr" else "output"
        yield Printed(stream, passage(joined(raw.get("text")), _MAX_CHARACTERS))
    elif kind == "error":
        yield Printed("error", passage(_traceback(raw), _MAX_CHARACTERS))
    elif kind in ("display_data", "execute_result") and isinstance(raw.get("data"), dict):
        yield from _displayed(raw["data"], alt, room)


def _traceback(raw: dict[str, Any]) -> str:
    lines = raw.get("traceback")
    text = (
        "\n".join(part for part in lines if isinstance(part, str))
        if isinstance(lines, list)
        else ""
    )
    return text or f"{label(raw.get('ename', 'error'))}: {joined(raw.get('evalue'))}"


def _displayed(data: dict[str, Any], alt: str, room: bool) -> Iterator[Output]:
    for mime, name in _PICTURES.items():
        if mime in data:
            picture = redraw(joined(data[mime]), alt) if room else None
            yield picture or Withheld(f"{name} image not shown: {_why(room)}")
            return
    if text := joined(data.get("text/plain")):
        yield Printed("output", passage(text, _MAX_CHARACTERS))
    for mime in sorted(mime for mime in data if mime != "text/plain")[:4]:
        yield Withheld(f"{_WITHHELD.get(mime) or label(mime, 60)} output not shown")


def _why(room: bool) -> str:
    return "broken or too large" if room else f"a cell shows {_MAX_PICTURES} images at most"
