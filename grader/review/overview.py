"""What is done and what is left: the questions of a run, and the answers to one of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from grader.assignment import Question
from grader.effective import waits
from grader.marks import Mark, Place
from grader.review.answer import address
from grader.review.desk import Desk, HandIn, effective
from reports.typeset import points


@dataclass(frozen=True, slots=True)
class QuestionRow:
    """One question over all hand-ins.

    Attributes:
        start: where to go on; the first answer that waits, or the list.
    """

    question: Question
    number: str
    address: str
    start: str
    manual: bool
    done: int
    count: int
    disputed: int
    overruled: int


@dataclass(frozen=True, slots=True)
class AnswerRow:
    """One hand-in's answer to a question."""

    address: str
    name: str
    points: str
    state: str
    author: str


def questions(desk: Desk, marks: Mapping[Place, Sequence[Mark]]) -> list[QuestionRow]:
    """The sheet with its progress; what people mark comes first."""
    rows = [
        _question(desk, question, number, marks)
        for number, question in enumerate(desk.assignment.questions, 1)
    ]
    return sorted((row for row in rows if row.count), key=lambda row: not row.manual)


def answers(
    desk: Desk, question: Question, marks: Mapping[Place, Sequence[Mark]]
) -> list[AnswerRow]:
    """The answers to a question, in the order of the hand-ins."""
    return [_answer(desk, question, hand_in, marks) for hand_in in desk.answers(question)]


def _question(
    desk: Desk, question: Question, number: int, marks: Mapping[Place, Sequence[Mark]]
) -> QuestionRow:
    hand_ins, waiting = desk.answers(question), desk.waiting(question, marks)
    states = Counter(desk.state(hand_in, question, marks) for hand_in in hand_ins)
    every = f"/questions/{question.id}"
    return QuestionRow(
        question=question,
        number=question.sheet or str(number),
        address=every,
        start=address(question, waiting[0]) if waiting else every,
        manual=any(waits(hand_in.verdicts(question)) for hand_in in hand_ins),
        done=states["marked"],
        count=len(hand_ins),
        disputed=states["disputed"],
        overruled=states["overruled"],
    )


def _answer(
    desk: Desk, question: Question, hand_in: HandIn, marks: Mapping[Place, Sequence[Mark]]
) -> AnswerRow:
    result = effective(hand_in, marks)
    verdicts = [verdict for verdict in result.verdicts if verdict.question == question.id]
    return AnswerRow(
        address=address(question, hand_in),
        name=hand_in.name,
        points="–" if waits(verdicts) else points(sum(verdict.points for verdict in verdicts)),
        state=desk.state(hand_in, question, marks),
        author=next((verdict.by for verdict in verdicts if verdict.by), ""),
    )
