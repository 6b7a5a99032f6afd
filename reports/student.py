"""The student's page as data: everything decided and worded before a template sees it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from grader.assignment import Assignment
from grader.checks.verdict import Outcome
from grader.results import SubmissionResult
from reports import metrics
from reports.check import Fact
from reports.metrics import Metric
from reports.notebook import Cell
from reports.provenance import facts, moment
from reports.question import Card, cards
from reports.typeset import counted, label, points, prose


@dataclass(frozen=True, slots=True)
class Banner:
    """Why the notebook did not run to its end, and what that means."""

    tone: str
    title: str
    reason: str


@dataclass(frozen=True, slots=True)
class StudentPage:
    """Everything that stands on one student's page; `whose` are the cells, to its reader."""

    assignment: str
    whose: str
    name: str
    student_id: str
    submitted: str
    late: bool
    banner: Banner | None
    score: str
    max_score: str
    line: str
    first: Card | None
    questions: tuple[Card, ...]
    other_metrics: tuple[Metric, ...]
    provenance: tuple[Fact, ...]
    unsafe: bool


_BANNERS = {
    "timeout": ("bad", "The notebook ran out of time; it is graded as far as it got."),
    "memory": ("bad", "The notebook ran out of memory; it is graded as far as it got."),
    "crashed": ("bad", "The notebook ended its own kernel; nothing could be asked afterwards."),
    "unreadable": ("bad", "This hand-in could not be read."),
    "infrastructure": ("ours", "Our fault, not yours: grading broke off and will be run again."),
}


_LOST = set(Outcome) - {
    Outcome.PASSED,
    Outcome.MANUAL,
    Outcome.SKIPPED,
    Outcome.INFRASTRUCTURE,
}


def page(
    result: SubmissionResult,
    assignment: Assignment,
    cells: Sequence[Cell],
    catalogue: Mapping[str, str],
    *,
    staff: bool = True,
) -> StudentPage:
    """The page of one student; only the staff's shows the rubrics, which often hold the answer."""
    questions = cards(result, assignment, cells, catalogue, staff=staff)
    in_cards = {question.metric.name for question in questions if question.metric}
    total = sum(question.points for question in assignment.questions)
    return StudentPage(
        assignment=label(assignment.title, 200),
        whose="The student's" if staff else "Your",
        name=label(result.name or result.student_id),
        student_id=label(result.student_id),
        submitted=moment(result.submitted_at),
        late=result.late,
        banner=_banner(result),
        score=points(result.score) if result.verdicts else "–",
        max_score=points(result.max_score or total),
        line=_line(result, questions),
        first=_first(questions),
        questions=questions,
        other_metrics=tuple(
            metrics.view(result, name, None)
            for name in list(metrics.metrics(result))[:12]
            if label(name, 40) not in in_cards
        ),
        provenance=facts(result, assignment),
        unsafe=result.provenance.isolation == "none",
    )


def _banner(result: SubmissionResult) -> Banner | None:
    if result.status == "graded":
        return None
    tone, title = _BANNERS[result.status]
    return Banner(tone, title, prose(result.reason))


def _line(result: SubmissionResult, questions: Sequence[Card]) -> str:
    """How it went, in one line."""
    if not result.verdicts:
        return "No question was graded."
    automatic = [q.outcome for q in questions if q.outcome is not Outcome.MANUAL]
    passed = automatic.count(Outcome.PASSED)
    if passed == len(automatic):
        summary = "Every question that a program can decide passed"
    else:
        summary = f"{passed} of {counted(len(automatic), 'question')} passed"
    waiting = _points(result, Outcome.MANUAL, "waits for a person", "wait for a person")
    again = _points(result, Outcome.INFRASTRUCTURE, "is graded again", "are graded again")
    return _sentences(summary, waiting, again)


def _points(result: SubmissionResult, outcome: Outcome, one: str, many: str) -> str:
    """How many points an outcome leaves open; nothing where it leaves none."""
    total = sum(v.max_points for v in result.verdicts if v.verdict is outcome)
    if not total:
        return ""
    return f"1 point {one}" if total == 1 else f"{points(total)} points {many}"


def _first(questions: Sequence[Card]) -> Card | None:
    """Where to look first: the question that lost most, and of equals the first on the sheet."""
    lost = [question for question in questions if question.outcome in _LOST]
    return max(lost, key=lambda question: question.weight * (100 - question.share), default=None)


def _sentences(*parts: str) -> str:
    return ". ".join(part[0].upper() + part[1:] for part in parts if part) + "."
