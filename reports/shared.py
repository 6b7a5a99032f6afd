"""Mistakes that several students share: who, how many, and one announcement for all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from grader.assignment import Assignment
from grader.results import SubmissionResult
from reports.roster import Link, link
from reports.typeset import counted, label, prose

_LISTED = 200  # names under a mistake; `grades.csv` has them all
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
        students: the first of those who made it.
        count: how many made it.
        share: of the graded hand-ins, in percent.
        announcement: a draft to the whole class that names nobody.
    """

    id: str
    name: str
    says: str
    question: str
    students: tuple[Link, ...]
    count: int
    share: float
    announcement: str


class Made:
    """Who has made which mistake, gathered from one result after the other."""

    def __init__(self) -> None:
        self._students: dict[str, list[Link]] = {}
        self._counts: Counter[str] = Counter()
        self._asked: dict[str, str] = {}

    def add(self, result: SubmissionResult, slugs: Mapping[str, str]) -> None:
        """The mistakes of one student."""
        for verdict in result.verdicts:
            for mistake in verdict.mistakes:
                self._asked.setdefault(mistake, verdict.question)
        for mistake in dict.fromkeys(m for v in result.verdicts for m in v.mistakes):
            self._counts[mistake] += 1
            if self._counts[mistake] <= _LISTED:
                self._students.setdefault(mistake, []).append(link(result, slugs))

    def shared(
        self, n_graded: int, assignment: Assignment, catalogue: Mapping[str, str]
    ) -> tuple[SharedMistake, ...]:
        """Mistakes with the students who made them, the most frequent first."""
        titles = {
            question.id: " ".join(filter(None, (question.sheet, question.title)))
            for question in assignment.questions
        }
        frequent = sorted(self._counts, key=lambda mistake: (-self._counts[mistake], mistake))
        return tuple(
            _shared(
                mistake,
                prose(catalogue.get(mistake, ""), 600),
                label(titles.get(self._asked[mistake], ""), 200),
                tuple(self._students[mistake]),
                self._counts[mistake],
                n_graded,
            )
            for mistake in frequent
        )


def announcement(mistakes: Sequence[SharedMistake], n_graded: int) -> str:
    """One draft on every mistake that several made; empty where there is none."""
    several = [mistake for mistake in mistakes if mistake.count > 1][:_ANNOUNCED]
    if not several:
        return ""
    paragraphs = [
        f"{mistake.question or mistake.name} ({mistake.count} of {n_graded}): {mistake.says}"
        for mistake in several
    ]
    return "\n\n".join([_OPENING, *paragraphs, _ADVICE])


def _in_words(mistake: str) -> str:
    words = mistake.rpartition("/")[2].replace("-", " ")
    return words[:1].upper() + words[1:]


def _shared(
    mistake: str, says: str, question: str, students: tuple[Link, ...], count: int, n_graded: int
) -> SharedMistake:
    return SharedMistake(
        id=label(mistake),
        name=_in_words(label(mistake)),
        says=says or label(mistake),
        question=question,
        students=students,
        count=count,
        share=round(100 * count / n_graded, 1),
        announcement=(
            f"On {question or 'one question'}: {count} of {counted(n_graded, 'hand-in')} "
            f"share one mistake. {says} {_ADVICE}"
        ).replace("  ", " "),
    )
