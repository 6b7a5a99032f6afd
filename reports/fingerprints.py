"""Fingerprints of code, by winnowing (Schleimer, Wilkerson and Aiken, SIGMOD 2003).

Every `NOISE` tokens in a row are hashed, and of every `WINDOW` hashes in a row the smallest is
kept. So a passage of `NOISE + WINDOW - 1` tokens that two programs share is always found, one of
fewer than `NOISE` never, and names of variables, comments and layout make no difference.
"""

from __future__ import annotations

import re
import zlib
from array import array
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from keyword import iskeyword

from reports.notebook import Cell
from reports.typeset import passage

NOISE, WINDOW = 16, 9  # two or three lines of code; shorter ones are alike by themselves
_MAX_SOURCE = 12_000
_MAX_CELLS = 300
_STUB = "NotImplementedError"  # what a skeleton raises where nothing was written yet

_TOKEN = re.compile(
    r"""(?P<skip>\s+|\#[^\n]*)
    |(?P<text>[rbfuRBFU]{0,2}(?:\"{3}[\s\S]*?\"{3}|'{3}[\s\S]*?'{3}
        |"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'))
    |(?P<number>\d[\w.]*)
    |(?P<name>[^\W\d]\w*)
    |(?P<sign>.)""",
    re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a fingerprint was taken: number of the cell, first and last line, from 1."""

    cell: int
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Code:
    """A student's code.

    Attributes:
        sources: of the cells, by their number; as they are shown.
        prints: where each fingerprint stands.
    """

    student_id: str
    sources: dict[int, str]
    prints: dict[int, tuple[Place, ...]]


def code_of(student_id: str, cells: Sequence[Cell], known: Collection[int] = ()) -> Code:
    """The code cells of a notebook, with fingerprints of all but what is `known`."""
    sources = _sources(cells)
    prints: dict[int, tuple[Place, ...]] = {}
    for number, source in sources.items():
        own = [gram for gram in _grams(source) if gram[0] not in known]
        for print_, first, last in _winnowed(own):
            prints[print_] = (*prints.get(print_, ()), Place(number, first, last))
    return Code(student_id, sources, prints)


def prints_of(cells: Sequence[Cell], known: Collection[int] = ()) -> array[int]:
    """The fingerprints of a notebook, each once and in order, without where they stand."""
    own = (
        [gram for gram in _grams(source) if gram[0] not in known]
        for source in _sources(cells).values()
    )
    return array("I", sorted({print_ for grams in own for print_, _, _ in _winnowed(grams)}))


def grams_of(cells: Sequence[Cell]) -> frozenset[int]:
    """Every hash of a notebook, kept or not: what stands there is nobody's own."""
    return frozenset(gram for source in _sources(cells).values() for gram, _, _ in _grams(source))


def _sources(cells: Sequence[Cell]) -> dict[int, str]:
    return {
        number: passage(cell.source, _MAX_SOURCE).text
        for number, cell in enumerate(cells[:_MAX_CELLS], 1)
        if cell.kind == "code"
    }


def _grams(source: str) -> Iterator[tuple[int, int, int]]:
    """The hash of every `NOISE` tokens in a row, with their first and last line."""
    tokens = list(_tokens(source))
    for start in range(len(tokens) - NOISE + 1):
        piece = tokens[start : start + NOISE]
        words = [word for word, _ in piece]
        if _STUB not in words:
            yield zlib.crc32("\0".join(words).encode("utf-8", "replace")), piece[0][1], piece[-1][1]


def _tokens(source: str) -> Iterator[tuple[str, int]]:
    """Tokens with their line. Names are alike, but for those that a library or Python gave."""
    line, before = 1, ""
    for found in _TOKEN.finditer(source):
        word = found[0]
        match found.lastgroup:
            case "name" if before != "." and not iskeyword(word) and word != _STUB:
                before = "name"
            case "text":
                before = "text"
            case "skip":
                line += word.count("\n")
                continue
            case _:
                before = word
        yield before, line
        line += word.count("\n")


def _winnowed(grams: Sequence[tuple[int, int, int]]) -> list[tuple[int, int, int]]:
    """The smallest hash of each window, the last of equal ones."""
    ranked = [(gram[0], -place) for place, gram in enumerate(grams)]
    smallest = (
        {
            -min(ranked[start : start + WINDOW])[1]
            for start in range(max(1, len(grams) - WINDOW + 1))
        }
        if grams
        else set()
    )
    return [grams[place] for place in sorted(smallest)]
