"""The class page as data: scores, questions, shared mistakes, and a row per student."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from grader.assignment import Assignment, Question
from grader.checks.verdict import Outcome, Verdict
from grader.regrading import Regrade
from grader.results import SubmissionResult
from reports.figures import Column, Histogram, histogram, spread
from reports.outcome import LOOKS, UNDECIDED, UNGRADED, Look, combined
from reports.pair import PairPage
from reports.regraded import RegradeView
from reports.regraded import views as regrade_views
from reports.roster import Row, Trouble, row, runs_again, troubles
from reports.shared import SharedMistake, announcement, shared_mistakes
from reports.typeset import counted, label, points

# One student's verdicts by question.
Answers = Mapping[str, Sequence[Verdict]]


@dataclass(frozen=True, slots=True)
class Share:
    """How many hand-ins ended one way."""

    look: Look
    count: int


@dataclass(frozen=True, slots=True)
class QuestionRow:
    """One question over the whole class."""

    number: str
    title: str
    shares: tuple[Share, ...]
    spread: tuple[Column, ...]
    mean: str
    max_points: str
    description: str


@dataclass(frozen=True, slots=True)
class ClassPage:
    """Everything that stands on the class page."""

    assignment: str
    line: str
    figures: tuple[tuple[str, str], ...]
    troubles: tuple[Trouble, ...]
    unsafe: int
    histogram: Histogram | None
    questions: tuple[QuestionRow, ...]
    legend: tuple[Look, ...]
    mistakes: tuple[SharedMistake, ...]
    announcement: str
    regraded: str
    regrades: tuple[RegradeView, ...]
    alike: tuple[PairPage, ...]
    rows: tuple[Row, ...]
    standings: tuple[tuple[str, str, int], ...]


def page(
    results: Sequence[SubmissionResult],
    slugs: Mapping[str, str],
    assignment: Assignment,
    catalogue: Mapping[str, str],
    regrades: Sequence[Regrade] = (),
    alike: Sequence[PairPage] = (),
) -> ClassPage:
    """The page of a class.

    Args:
        results: one per student.
        slugs: file names without suffix, by student id.
        assignment: its title and questions.
        catalogue: sentence for students by mistake id.
        regrades: what has come out otherwise than before.
        alike: pairs whose code is alike, with pages of their own.
    """
    answers = {result.student_id: _answers(result) for result in results}
    scored = [result for result in results if result.verdicts and not runs_again(result)]
    outcomes = {student: _outcomes(own, assignment) for student, own in answers.items()}
    graded = [result.student_id for result in scored]
    total = sum(question.points for question in assignment.questions)
    rows = tuple(
        row(result, slugs[result.student_id], outcomes[result.student_id]) for result in results
    )
    mistakes = shared_mistakes(scored, slugs, assignment, catalogue)
    regraded = regrade_views(regrades, slugs, assignment)
    return ClassPage(
        assignment=label(assignment.title, 200),
        line=_line(results, scored),
        figures=_figures(scored, total),
        troubles=troubles(results, slugs),
        unsafe=sum(result.provenance.isolation == "none" for result in results),
        histogram=histogram([result.score for result in scored], total),
        questions=tuple(
            _question(
                question.sheet or str(index + 1),
                question,
                [outcomes[student][index] for student in graded],
                [answers[student].get(question.id, ()) for student in graded],
            )
            for index, question in enumerate(assignment.questions)
        ),
        legend=tuple(dict.fromkeys([*LOOKS.values(), UNGRADED])),
        mistakes=mistakes,
        announcement=announcement(mistakes, len(scored)),
        regraded=_regraded(len(regraded), len(regrades), len(results)),
        regrades=regraded,
        alike=tuple(alike),
        rows=rows,
        standings=_standings(rows),
    )


def _answers(result: SubmissionResult) -> Answers:
    answers: dict[str, list[Verdict]] = {}
    for verdict in result.verdicts:
        answers.setdefault(verdict.question, []).append(verdict)
    return answers


def _outcomes(answers: Answers, assignment: Assignment) -> list[Outcome | None]:
    return [combined(answers.get(question.id, ())) for question in assignment.questions]


def _line(results: Sequence[SubmissionResult], scored: Sequence[SubmissionResult]) -> str:
    waiting = sum(result.waiting for result in scored)
    parts = [counted(len(results), "hand-in"), f"{len(scored)} graded"]
    if scored:
        parts.append(f"mean {points(round(statistics.fmean(r.score for r in scored), 1))}")
    if waiting:
        parts.append(f"{waiting} {'waits' if waiting == 1 else 'wait'} for a person")
    return ", ".join(parts) + "."


def _regraded(shown: int, changed: int, total: int) -> str:
    line = f"{changed} of {total} came out otherwise than before"
    left_out = f"; the {changed - shown} that changed least are not listed"
    return f"{line}{left_out if shown < changed else ''}."


def _figures(scored: Sequence[SubmissionResult], total: float) -> tuple[tuple[str, str], ...]:
    if not scored:
        return ()
    scores = [result.score for result in scored]
    return (
        ("Mean", points(round(statistics.fmean(scores), 1))),
        ("Median", points(statistics.median(scores))),
        ("Lowest", points(min(scores))),
        ("Highest", points(max(scores))),
        ("Out of", points(total)),
    )


def _question(
    number: str,
    question: Question,
    outcomes: Sequence[Outcome | None],
    verdicts: Sequence[Sequence[Verdict]],
) -> QuestionRow:
    counts = Counter(outcomes)
    order = [*LOOKS, None]
    shares = tuple(
        Share(LOOKS[outcome] if outcome else UNGRADED, counts[outcome])
        for outcome in order
        if counts[outcome]
    )
    earned = [
        sum(verdict.points for verdict in own)
        for outcome, own in zip(outcomes, verdicts, strict=True)
        if outcome not in UNDECIDED
    ]
    return QuestionRow(
        number=label(number, 12),
        title=label(question.title, 200),
        shares=shares,
        spread=spread(earned, question.points),
        mean=points(round(statistics.fmean(earned), 2)) if earned else "–",
        max_points=points(question.points),
        description=", ".join(f"{share.count} {share.look.word.lower()}" for share in shares),
    )


def _standings(rows: Sequence[Row]) -> tuple[tuple[str, str, int], ...]:
    """Key, word and count of each standing that occurs, for the filter."""
    counts = Counter((row.standing.key, row.standing.word) for row in rows)
    return tuple((key, word, count) for (key, word), count in counts.most_common())
