"""One answer as a page: the student's cells, the rubric, the form and what was decided so far."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from grader.assignment import Question
from grader.effective import waits
from grader.marks import Mark, Place, in_force, overtaken
from grader.review.desk import Desk, HandIn
from grader.review.form import Draft
from grader.review.saving import needs_reason
from reports.notebook import Cell, read
from reports.provenance import moment
from reports.question import Card, CellView, card, cell_view
from reports.typeset import points, prose

_MAX_NOTEBOOK_CELLS = 300


@dataclass(frozen=True, slots=True)
class Change:
    """One mark of the history."""

    id: int
    points: str
    author: str
    when: str
    comment: str
    reason: str
    standing: str


@dataclass(frozen=True, slots=True)
class Step:
    """Somewhere to go from here."""

    address: str
    name: str
    state: str
    here: bool = False


@dataclass(frozen=True, slots=True)
class AnswerPage:
    """Everything that stands on the page of one answer.

    Attributes:
        needs_reason: whether something that had been decided would be changed.
        rivals: marks that were overtaken and nobody has looked at since.
        siblings: the other questions of the same hand-in.
    """

    hand_in: HandIn
    question: Question
    card: Card
    manual: bool
    place: int
    count: int
    to_do: int
    previous: str
    next: str
    next_waiting: str
    draft: Draft
    needs_reason: bool
    current: Change | None
    rivals: tuple[Change, ...]
    history: tuple[Change, ...]
    comments: tuple[str, ...]
    siblings: tuple[Step, ...]


def page(
    desk: Desk,
    question: Question,
    hand_in: HandIn,
    marks: Mapping[Place, Sequence[Mark]],
    typed: Draft | None = None,
) -> AnswerPage:
    """The page of one answer; `typed` is what a marker had sent that could not stand."""
    given = marks.get((hand_in.result.student_id, question.id), ())
    mark, manual = in_force(given), waits(hand_in.verdicts(question))
    answers, waiting = desk.answers(question), desk.waiting(question, marks)
    here = answers.index(hand_in)
    changes = {change.id: change for change in _history(given, hand_in)}
    return AnswerPage(
        hand_in=hand_in,
        question=question,
        card=card(hand_in.result, desk.assignment, question, cells(desk, hand_in), desk.sentences),
        manual=manual,
        place=here + 1,
        count=len(answers),
        to_do=len(waiting),
        previous=address(question, answers[here - 1]) if here else "",
        next=address(question, answers[here + 1]) if here + 1 < len(answers) else "",
        next_waiting=next_waiting(desk, question, hand_in, marks),
        draft=typed or _resumed(mark, hand_in),
        needs_reason=needs_reason(mark, hand_in, manual),
        current=changes[mark.id] if mark else None,
        rivals=tuple(changes[rival.id] for rival in overtaken(given)),
        history=tuple(reversed(changes.values())),
        comments=tuple(desk.comments(question, marks)),
        siblings=_siblings(desk, question, hand_in, marks),
    )


def address(question: Question, hand_in: HandIn) -> str:
    """Where an answer stands."""
    return f"/questions/{question.id}/{hand_in.code}"


def next_waiting(
    desk: Desk, question: Question, hand_in: HandIn, marks: Mapping[Place, Sequence[Mark]]
) -> str:
    """The next answer that a person has to mark, from here on and round; empty where none is."""
    answers, waiting = desk.answers(question), desk.waiting(question, marks)
    here = answers.index(hand_in)
    onward = [*answers[here + 1 :], *answers[:here]]
    return next((address(question, other) for other in onward if other in waiting), "")


def cells(desk: Desk, hand_in: HandIn) -> list[Cell]:
    """The executed notebook."""
    # The name alone: what a result says must not lead out of the folder.
    name = Path(hand_in.result.executed).name
    return read(desk.folder / "notebooks" / name) if name else []


def notebook(desk: Desk, hand_in: HandIn) -> list[CellView]:
    """Every cell, for an answer that stands where nobody looked for it."""
    return [cell_view(cell, "cell") for cell in cells(desk, hand_in)[:_MAX_NOTEBOOK_CELLS]]


def _resumed(mark: Mark | None, hand_in: HandIn) -> Draft:
    if mark is None:
        return Draft()
    worth = "" if mark.points is None else points(mark.points)
    kept = mark.reason if mark.digest != hand_in.result.digest else ""
    return Draft(worth, mark.comment, kept, mark.id)


def _history(given: Sequence[Mark], hand_in: HandIn) -> list[Change]:
    current = in_force(given)
    rivals = {mark.id for mark in overtaken(given)}
    return [_change(mark, _standing(mark, current, rivals, hand_in)) for mark in given]


def _standing(mark: Mark, current: Mark | None, rivals: set[int], hand_in: HandIn) -> str:
    if mark.id in rivals:
        return "saved at the same time, not in force"
    if mark.digest != hand_in.result.digest:
        return "of an earlier hand-in"
    return "in force" if mark == current else ""


def _change(mark: Mark, standing: str) -> Change:
    return Change(
        mark.id,
        "withdrawn" if mark.points is None else points(mark.points),
        prose(mark.author, 100),
        moment(mark.marked_at),
        prose(mark.comment, 10_000),
        prose(mark.reason, 10_000),
        standing,
    )


def _siblings(
    desk: Desk, question: Question, hand_in: HandIn, marks: Mapping[Place, Sequence[Mark]]
) -> tuple[Step, ...]:
    return tuple(
        Step(
            address(other, hand_in),
            other.sheet or other.title,
            desk.state(hand_in, other, marks),
            other == question,
        )
        for other in desk.assignment.questions
        if hand_in.verdicts(other)
    )
