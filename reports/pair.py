"""The page on which two students' cells stand side by side, and the pair's line in the class."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from grader.assignment import Assignment
from grader.results import SubmissionResult
from reports.fingerprints import Code
from reports.highlighting import highlighted
from reports.roster import Link, link
from reports.similarity import Pair
from reports.typeset import counted, label

_MAX_ROWS = 12


@dataclass(frozen=True, slots=True)
class Side:
    """One student's cell with what the other has too marked."""

    number: int
    source: Markup


@dataclass(frozen=True, slots=True)
class Person:
    """One of the two; `share` is how much of their own code the other has, in words."""

    link: Link
    share: str


@dataclass(frozen=True, slots=True)
class PairPage:
    """Everything that stands on the page of a pair.

    Attributes:
        name: of the file, without suffix.
        rows: cells side by side, those that share most first.
    """

    name: str
    assignment: str
    people: tuple[Person, Person]
    passages: str
    rows: tuple[tuple[Side, Side], ...]


def page(
    pair: Pair,
    results: Mapping[str, SubmissionResult],
    slugs: Mapping[str, str],
    assignment: Assignment,
) -> PairPage:
    """The page of a pair; `results` by student."""
    one, other = pair.codes
    return PairPage(
        name=f"{slugs[one.student_id]}--{slugs[other.student_id]}",
        assignment=label(assignment.title, 200),
        people=(
            Person(link(results[one.student_id], slugs), f"{100 * pair.shares[0]:.0f} %"),
            Person(link(results[other.student_id], slugs), f"{100 * pair.shares[1]:.0f} %"),
        ),
        passages=counted(len(pair.shared), "passage"),
        rows=tuple(
            (_side(one, first, pair.shared), _side(other, second, pair.shared))
            for first, second in _side_by_side(pair)
        ),
    )


def _side_by_side(pair: Pair) -> Sequence[tuple[int, int]]:
    """Numbers of cells that share most, each once."""
    one, other = pair.codes
    together = Counter(
        (here.cell, there.cell)
        for print_ in pair.shared
        for here in one.prints[print_]
        for there in other.prints[print_]
    )
    rows: list[tuple[int, int]] = []
    for first, second in sorted(together, key=lambda row: (-together[row], row)):
        if all(first != a and second != b for a, b in rows):
            rows.append((first, second))
    return rows[:_MAX_ROWS]


def _side(code: Code, cell: int, shared: Collection[int]) -> Side:
    places = [place for print_ in shared for place in code.prints[print_] if place.cell == cell]
    lines = {line for place in places for line in range(place.first, place.last + 1)}
    return Side(cell, highlighted(code.sources[cell], lines))
