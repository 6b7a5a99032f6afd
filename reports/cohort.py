"""The class page as data: scores, questions, shared mistakes, and a row per student."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
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
from reports.roster import Row, Trouble, Troubled, row, runs_again
from reports.shared import Made, SharedMistake, announcement
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
    results: Iterable[SubmissionResult],
    slugs: Mapping[str, str],
    assignment: Assignment,
    catalogue: Mapping[str, str],
    regrades: Sequence[Regrade] = (),
    alike: Sequence[PairPage] = (),
) -> ClassPage:
    """The page of a class.

    Args:
        results: one per student; gone through once, none is kept.
        slugs: file names without suffix, by student id.
        assignment: its title and questions.
        catalogue: sentence for students by mistake id.
        regrades: what has come out otherwise than before.
        alike: pairs whose code is alike, with pages of their own.
    """
    tally = _tallied(results, slugs, assignment)
    total = sum(question.points for question in assignment.questions)
    mistakes = tally.made.shared(len(tally.scores), assignment, catalogue)
    regraded = regrade_views(regrades, slugs, assignment)
    return ClassPage(
        assignment=label(assignment.title, 200),
        line=_line(len(tally.rows), tally.scores, tally.waiting),
        figures=_figures(tally.scores, total),
        troubles=tally.troubled.troubles(),
        unsafe=tally.unsafe,
        histogram=histogram(tally.scores, total),
        questions=_questions(assignment, tally),
        legend=tuple(dict.fromkeys([*LOOKS.values(), UNGRADED])),
        mistakes=mistakes,
        announcement=announcement(mistakes, len(tally.scores)),
        regraded=_regraded(len(regraded), len(regrades), len(tally.rows)),
        regrades=regraded,
        alike=tuple(alike),
        rows=tuple(tally.rows),
        standings=_standings(tally.rows),
    )


class _Tally:
    """What the page needs of each result, and nothing more of it."""

    def __init__(self, assignment: Assignment) -> None:
        self._questions = assignment.questions
        self.outcomes: list[Counter[Outcome | None]] = [Counter() for _ in self._questions]
        # Of those that are decided.
        self.earned: list[list[float]] = [[] for _ in self._questions]
        self.scores: list[float] = []
        self.rows: list[Row] = []
        self.waiting = self.unsafe = 0
        self.made, self.troubled = Made(), Troubled()

    def add(self, result: SubmissionResult, slugs: Mapping[str, str]) -> None:
        answers = _answers(result)
        outcomes = [combined(answers.get(question.id, ())) for question in self._questions]
        self.rows.append(row(result, slugs[result.student_id], outcomes))
        self.troubled.add(result, slugs)
        self.unsafe += result.provenance.isolation == "none"
        if not result.verdicts or runs_again(result):
            return
        self.scores.append(result.score)
        self.waiting += result.waiting
        self.made.add(result, slugs)
        for question, outcome, counts, earned in zip(
            self._questions, outcomes, self.outcomes, self.earned, strict=True
        ):
            counts[outcome] += 1
            if outcome not in UNDECIDED:
                earned.append(sum(verdict.points for verdict in answers.get(question.id, ())))


def _tallied(
    results: Iterable[SubmissionResult], slugs: Mapping[str, str], assignment: Assignment
) -> _Tally:
    tally = _Tally(assignment)
    for result in results:
        tally.add(result, slugs)
    return tally


def _answers(result: SubmissionResult) -> Answers:
    answers: dict[str, list[Verdict]] = {}
    for verdict in result.verdicts:
        answers.setdefault(verdict.question, []).append(verdict)
    return answers


def _line(count: int, scores: Sequence[float], waiting: int) -> str:
    parts = [counted(count, "hand-in"), f"{len(scores)} graded"]
    if scores:
        parts.append(f"mean {points(round(statistics.fmean(scores), 1))}")
    if waiting:
        parts.append(f"{waiting} {'waits' if waiting == 1 else 'wait'} for a person")
    return ", ".join(parts) + "."


def _regraded(shown: int, changed: int, total: int) -> str:
    line = f"{changed} of {total} came out otherwise than before"
    left_out = f"; the {changed - shown} that changed least are not listed"
    return f"{line}{left_out if shown < changed else ''}."


def _figures(scores: Sequence[float], total: float) -> tuple[tuple[str, str], ...]:
    if not scores:
        return ()
    return (
        ("Mean", points(round(statistics.fmean(scores), 1))),
        ("Median", points(statistics.median(scores))),
        ("Lowest", points(min(scores))),
        ("Highest", points(max(scores))),
        ("Out of", points(total)),
    )


def _questions(assignment: Assignment, tally: _Tally) -> tuple[QuestionRow, ...]:
    each = zip(assignment.questions, tally.outcomes, tally.earned, strict=True)
    return tuple(
        _question(question.sheet or str(number), question, outcomes, earned)
        for number, (question, outcomes, earned) in enumerate(each, 1)
    )


def _question(
    number: str,
    question: Question,
    counts: Mapping[Outcome | None, int],
    earned: Sequence[float],
) -> QuestionRow:
    shares = tuple(
        Share(LOOKS[outcome] if outcome else UNGRADED, counts[outcome])
        for outcome in [*LOOKS, None]
        if counts[outcome]
    )
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
