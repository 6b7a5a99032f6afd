"""Mistakes that several students share: who, how many, and one announcement for all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from grader.assignment import Assignment
from grader.results import SubmissionResult
from reports.roster import Link, link
from reports.typeset import counted, label, prose

_ANNOUNCED = 8  # more than this in one announcement is read by nobody
_OPENING = (
    "Some mistakes in this assignment were made by several of you, so here are hints for all."
)
_ADVICE = (
    "If this may be yours, try your function on the smallest input that you can work out by hand, "
    "then compare."
)


@dataclass(frozen=True, slots=True)
class SharedMistake:
    """A catalogued mistake over the class.

    Attributes:
        name: its id in words, without what it is a mistake of.
        share: of the graded hand-ins, in percent.
        announcement: a draft to the whole class that names nobody.
    """

    id: str
    name: str
    says: str
    question: str
    students: tuple[Link, ...]
    share: float
    announcement: str


def shared_mistakes(
    results: Sequence[SubmissionResult],
    slugs: Mapping[str, str],
    assignment: Assignment,
    catalogue: Mapping[str, str],
) -> tuple[SharedMistake, ...]:
    """Mistakes with the students who made them, the most frequent first."""
    made: dict[str, dict[str, Link]] = {}
    asked: dict[str, str] = {}
    for result in results:
        for verdict in result.verdicts:
            for mistake in verdict.mistakes:
                asked.setdefault(mistake, verdict.question)
                made.setdefault(mistake, {})[result.student_id] = link(result, slugs)
    titles = {
        question.id: " ".join(filter(None, (question.sheet, question.title)))
        for question in assignment.questions
    }
    frequent = sorted(made, key=lambda mistake: (-len(made[mistake]), mistake))
    return tuple(
        _shared(
            mistake,
            prose(catalogue.get(mistake, ""), 600),
            label(titles.get(asked[mistake], ""), 200),
            tuple(made[mistake].values()),
            len(results),
        )
        for mistake in frequent
    )


def announcement(mistakes: Sequence[SharedMistake], n_graded: int) -> str:
    """One draft on every mistake that several made; empty where there is none."""
    several = [mistake for mistake in mistakes if len(mistake.students) > 1][:_ANNOUNCED]
    if not several:
        return ""
    paragraphs = [
        f"{mistake.question or mistake.name} ({len(mistake.students)} of {n_graded}): "
        f"{mistake.says}"
        for mistake in several
    ]
    return "\n\n".join([_OPENING, *paragraphs, _ADVICE])


def _in_words(mistake: str) -> str:
    words = mistake.rpartition("/")[2].replace("-", " ")
    return words[:1].upper() + words[1:]


def _shared(
    mistake: str, says: str, question: str, students: tuple[Link, ...], n_graded: int
) -> SharedMistake:
    return SharedMistake(
        id=label(mistake),
        name=_in_words(label(mistake)),
        says=says or label(mistake),
        question=question,
        students=students,
        share=round(100 * len(students) / n_graded, 1),
        announcement=(
            f"On {question or 'one question'}: {len(students)} of {counted(n_graded, 'hand-in')} "
            f"share one mistake. {says} {_ADVICE}"
        ).replace("  ", " "),
    )
