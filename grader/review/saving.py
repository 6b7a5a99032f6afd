"""From what was typed to a mark in the store."""

from __future__ import annotations

from grader.assignment import Question
from grader.effective import counts, waits
from grader.marks import Mark, in_force
from grader.review.desk import Desk, HandIn
from grader.review.form import Draft, FormError


def save(desk: Desk, question: Question, hand_in: HandIn, author: str, draft: Draft) -> Mark:
    """Keeps a draft as a mark: in force, or overtaken by one that its author had not seen.

    Raises:
        FormError: the points are none, or a reason is missing.
    """
    verdicts = hand_in.verdicts(question)
    worth = draft.worth(sum(verdict.max_points for verdict in verdicts))
    given = desk.marks.by_place().get((hand_in.result.student_id, question.id), [])
    current = in_force(given)
    seen = current if current and current.id == draft.follows else None
    if needs_reason(seen, hand_in, waits(verdicts)) and not draft.reason:
        raise FormError("Say why: this changes what had been decided.")
    return desk.marks.add(
        Mark(
            student_id=hand_in.result.student_id,
            question=question.id,
            follows=draft.follows,
            points=worth,
            comment=draft.comment,
            reason=draft.reason,
            author=author,
            digest=hand_in.result.digest,
        )
    )


def needs_reason(seen: Mark | None, hand_in: HandIn, manual: bool) -> bool:
    """What was decided, by the checks or by a person, is changed only with a reason."""
    return not manual or (seen is not None and counts(seen, hand_in.result))
