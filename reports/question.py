"""A card of the student's page: one question with its verdict, its checks and its cells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from grader.assignment import Assignment, Question
from grader.checks.verdict import Outcome, Verdict
from grader.results import SubmissionResult
from reports import beside, check, curves, metrics, outputs
from reports.beside import Beside
from reports.check import CheckView
from reports.curves import CurveView
from reports.highlighting import highlighted
from reports.markdown import rendered
from reports.metrics import Metric
from reports.notebook import Cell, answering
from reports.outcome import UNDECIDED, Look, combined, look
from reports.typeset import label, passage, points, prose

_MAX_CELLS = 6
_MAX_SOURCE = 12_000


@dataclass(frozen=True, slots=True)
class CellView:
    """A cell of the student: highlighted code or typeset text, with what it put out."""

    kind: str
    source: Markup
    omitted: int
    outputs: tuple[outputs.Output, ...]


@dataclass(frozen=True, slots=True)
class Card:
    """One question on the student's page.

    Attributes:
        weight: width of its segment in the overview, by the points it can earn.
        share: of those points that were earned, in percent.
        signature: how the sheet declares the function.
        overruled: what the checks had said where a person decided otherwise.
        expanded: whether the student's cells are unfolded from the start.
    """

    id: str
    number: str
    title: str
    look: Look
    outcome: Outcome | None
    points: str
    max_points: str
    weight: float
    share: float
    signature: str
    rubric: str
    checks: tuple[CheckView, ...]
    overruled: tuple[CheckView, ...]
    metric: Metric | None
    curve: CurveView | None
    beside: Beside | None
    cells: tuple[CellView, ...]
    expanded: bool


def cards(
    result: SubmissionResult,
    assignment: Assignment,
    cells: Sequence[Cell],
    catalogue: Mapping[str, str],
    *,
    staff: bool = True,
) -> tuple[Card, ...]:
    """A card per question in the order of the sheet."""
    return tuple(
        card(result, assignment, question, cells, catalogue, staff=staff)
        for question in assignment.questions
    )


def card(
    result: SubmissionResult,
    assignment: Assignment,
    question: Question,
    cells: Sequence[Cell],
    catalogue: Mapping[str, str],
    *,
    staff: bool = True,
) -> Card:
    """The card of one question; with its rubric for the staff only."""
    verdicts = [verdict for verdict in result.verdicts if verdict.question == question.id]
    outcome = combined(verdicts)
    earned = sum(verdict.points for verdict in verdicts)
    possible = sum(verdict.max_points for verdict in verdicts) or question.points
    ids = [other.id for other in assignment.questions]
    own = _cells(question, cells, ids)
    return Card(
        id=question.id,
        number=label(question.sheet or str(ids.index(question.id) + 1), 12),
        title=label(question.title, 200),
        look=look(outcome),
        outcome=outcome,
        points="–" if outcome in UNDECIDED else points(earned),
        max_points=points(possible),
        weight=max(question.points, 0.5),
        share=round(100 * earned / possible, 1) if possible else 0.0,
        signature=_signature(question),
        rubric=prose(question.rubric, 4000).strip() if staff else "",
        checks=_checks(verdicts, catalogue),
        overruled=tuple(check.view(v, catalogue) for each in verdicts for v in each.overruled),
        metric=_metric(result, question),
        curve=curves.view(result, assignment, question.curve.metric) if question.curve else None,
        # The reference's figure could be handed in as one's own.
        beside=beside.view(assignment, question, cells) if staff else None,
        cells=own,
        expanded=outcome is not Outcome.PASSED or any(cell.outputs for cell in own),
    )


def _signature(question: Question) -> str:
    if question.function is None:
        return ""
    arguments = ", ".join(question.function.arguments)
    return f"{question.function.name}({arguments})" if arguments else question.function.name


def _checks(verdicts: Sequence[Verdict], catalogue: Mapping[str, str]) -> tuple[CheckView, ...]:
    """A view per check; a person's decision that still waits says something only with a message."""
    return tuple(
        check.view(verdict, catalogue)
        for verdict in verdicts
        if verdict.verdict is not Outcome.MANUAL or verdict.message
    )


def _metric(result: SubmissionResult, question: Question) -> Metric | None:
    if question.threshold is None or question.threshold.metric not in metrics.metrics(result):
        return None
    return metrics.view(result, question.threshold.metric, question.threshold)


def _cells(question: Question, cells: Sequence[Cell], ids: Sequence[str]) -> tuple[CellView, ...]:
    answers = answering(question, cells, ids)[:_MAX_CELLS]
    return tuple(cell_view(cell, question.title) for cell in answers)


def cell_view(cell: Cell, title: str) -> CellView:
    """A cell as it stands on a page; `title` is what its pictures' descriptions refer to."""
    cut = passage(cell.source, _MAX_SOURCE)
    return CellView(
        kind=cell.kind,
        source=highlighted(cut.text) if cell.kind == "code" else rendered(cut.text),
        omitted=cut.omitted,
        outputs=outputs.shown(cell.outputs, label(title, 200)),
    )
