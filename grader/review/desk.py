"""What lies before the markers: the hand-ins of a run, question by question, in one order."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from grader.assignment import Assignment, Question
from grader.checks.verdict import Verdict
from grader.effective import counts, waits, with_marks
from grader.exporting import assignment_of_run
from grader.marks import Mark, Marks, Place, in_force, overtaken
from grader.results import SubmissionResult
from grader.store import FILE, Store
from reports.typeset import label

_MAX_COMMENTS = 9  # one for each digit


@dataclass(frozen=True, slots=True)
class HandIn:
    """One student's hand-in under the name that the marker may see.

    Attributes:
        code: stands in addresses; says nothing about whose it is.
        result: as the checks left it.
    """

    code: str
    name: str
    result: SubmissionResult

    def verdicts(self, question: Question) -> list[Verdict]:
        """What the checks said to a question."""
        return [verdict for verdict in self.result.verdicts if verdict.question == question.id]


@dataclass(frozen=True, slots=True)
class Desk:
    """A run, ready to be marked; its marks are read anew for every page.

    Attributes:
        sentences: what to say about each known mistake, by id.
        hand_ins: by name; when blind, in an order that says nothing.
    """

    folder: Path
    assignment: Assignment
    sentences: Mapping[str, str]
    hand_ins: tuple[HandIn, ...]
    blind: bool

    @property
    def marks(self) -> Marks:
        """Where marks are kept."""
        return Marks(self.folder / FILE)

    def question(self, id: str) -> Question | None:
        """A question of the sheet."""
        return next((q for q in self.assignment.questions if q.id == id), None)

    def answers(self, question: Question) -> list[HandIn]:
        """Hand-ins in which there is something to decide."""
        return [hand_in for hand_in in self.hand_ins if hand_in.verdicts(question)]

    def waiting(self, question: Question, marks: Mapping[Place, Sequence[Mark]]) -> list[HandIn]:
        """Hand-ins whose answer a person still has to mark, or to look at again."""
        return [
            hand_in for hand_in in self.answers(question) if self.open(hand_in, question, marks)
        ]

    def open(
        self, hand_in: HandIn, question: Question, marks: Mapping[Place, Sequence[Mark]]
    ) -> bool:
        """Whether a person still has to mark an answer, or to look at it again."""
        return self.state(hand_in, question, marks) in ("waits", "disputed")

    def state(
        self, hand_in: HandIn, question: Question, marks: Mapping[Place, Sequence[Mark]]
    ) -> str:
        """One of waits, marked, overruled, checked and disputed."""
        given = marks.get((hand_in.result.student_id, question.id), ())
        mark = in_force(given)
        manual = waits(hand_in.verdicts(question))
        if overtaken(given):
            return "disputed"
        if mark and counts(mark, hand_in.result):
            return "marked" if manual else "overruled"
        return "waits" if manual else "checked"

    def comments(self, question: Question, marks: Mapping[Place, Sequence[Mark]]) -> list[str]:
        """What has been said on a question so far, the most frequent first."""
        said = Counter(
            mark.comment
            for (_, asked), given in marks.items()
            if asked == question.id
            for mark in given
            if mark.comment
        )
        return [comment for comment, _ in said.most_common(_MAX_COMMENTS)]


def laid_out(folder: Path, blind: bool) -> Desk:
    """Reads a run.

    Raises:
        UsageError: another run is writing there, or nothing was graded yet.
        AssignmentError: the assignment has been changed since, and is wrong now.
    """
    with Store(folder) as store:
        assignment = assignment_of_run(store, folder)
        sentences: dict[str, str] = json.loads(store.fact("sentences") or "{}")
        results = [
            result
            for result in store.automatic()
            if result.assignment == assignment.name and result.status != "infrastructure"
        ]
    return Desk(folder, assignment, sentences, tuple(_hand_ins(results, blind)), blind)


def effective(hand_in: HandIn, marks: Mapping[Place, Sequence[Mark]]) -> SubmissionResult:
    """A hand-in's result with the marks in force."""
    student = hand_in.result.student_id
    given = {asked: in_force(marks_) for (who, asked), marks_ in marks.items() if who == student}
    return with_marks(hand_in.result, {asked: mark for asked, mark in given.items() if mark})


def _hand_ins(results: Sequence[SubmissionResult], blind: bool) -> list[HandIn]:
    coded = {
        hashlib.sha256(r.student_id.encode("utf-8", "replace")).hexdigest()[:12]: r for r in results
    }
    if blind:
        return [
            HandIn(code, f"Hand-in {number}", coded[code])
            for number, code in enumerate(sorted(coded), 1)
        ]
    named = [HandIn(code, _name(result), result) for code, result in coded.items()]
    return sorted(named, key=lambda hand_in: (hand_in.name.casefold(), hand_in.code))


def _name(result: SubmissionResult) -> str:
    name, student_id = label(result.name), label(result.student_id)
    return f"{name} ({student_id})" if name and name != student_id else student_id
