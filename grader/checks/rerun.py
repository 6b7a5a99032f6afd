"""Which catalogued mistake answers a whole check as the student does.

`diagnosis` asks a mistake what the student's function was asked. A class is asked through its
objects, and a function may return another one: there the check itself is run again on each
mistake, and everything that it was answered is compared. Names never decide here either, and the
same three different numbers are demanded.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np

from grader.checks.context import Catalogue
from grader.checks.diagnosis import (
    FEWEST_DIFFERENT_NUMBERS,
    Candidate,
    Diagnosis,
    conclude,
    leaves_of,
    magnitude_of,
    same,
)
from grader.checks.subject import Array, Subject, Value
from grader.errors import SubjectError

Answers: TypeAlias = Sequence[Value | SubjectError]
_Leaves: TypeAlias = list[list[Array] | None]

# Beyond this a check is too slow to be run once for each mistake.
_MOST_ANSWERS = 512


def explain_by_rerun(
    function: str, answers: Answers, catalogue: Catalogue, run: Callable[[Subject], Answers]
) -> Diagnosis:
    """Explains what a check was answered by the mistakes of one function, each alone.

    Args:
        function: name under which the mistakes are catalogued.
        answers: everything that the student's code answered, in order.
        catalogue: known mistakes, and how to call one.
        run: runs the check on a subject; what it was answered, in order.
    """
    mistakes = [mistake for mistake in catalogue.mistakes if mistake.function == function]
    ours = [leaves_of(answer) for answer in answers]
    if not mistakes or len(ours) > _MOST_ANSWERS:
        return Diagnosis()
    right = [leaves_of(answer) for answer in run(catalogue.make_subject({}))]
    magnitude = magnitude_of(right)
    if _different_wrong_numbers(ours, right, magnitude) < FEWEST_DIFFERENT_NUMBERS:
        return Diagnosis()
    found = []
    for mistake in mistakes:
        given = run(catalogue.make_subject({function: mistake.code}))
        if _alike(ours, [leaves_of(answer) for answer in given], magnitude):
            found.append(Candidate((mistake.id,), mistake.says, mistake.code))
    return conclude(found)


def _different_wrong_numbers(ours: _Leaves, right: _Leaves, magnitude: float) -> int:
    wrong = [
        leaf[np.isfinite(leaf)]
        for answer, truth in zip(ours, right, strict=False)
        if answer is not None and not same(answer, truth, magnitude)
        for leaf in answer
    ]
    return len(np.unique(np.concatenate(wrong))) if wrong else 0


def _alike(ours: _Leaves, theirs: _Leaves, magnitude: float) -> bool:
    return len(ours) == len(theirs) and all(
        (a is None and b is None) or (a is not None and same(a, b, magnitude))
        for a, b in zip(ours, theirs, strict=True)
    )
