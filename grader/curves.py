"""The learning curve of a submission, wherever it was kept."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Mapping
from typing import Any

from grader.assignment import Assignment, LearningCurve
from grader.checks.curves import Curve, from_files, from_history, unmet
from grader.checks.subject import Subject
from grader.errors import SubjectError
from grader.results import ClaimedCurve

# What torch.utils.tensorboard and the CSV loggers of Lightning and Keras write.
_LOGS = ("events.out.tfevents.*", "*.csv")


def curves_of(subject: Subject, assignment: Assignment) -> dict[str, Curve]:
    """By question, the curves that the sheet asks for and the notebook has."""
    wanted = {q.id: q.curve for q in assignment.questions if q.curve is not None}
    found = {question: _read(subject, curve) for question, curve in wanted.items()}
    return {question: curve for question, curve in found.items() if curve is not None}


def claimed(curves: Mapping[str, Curve], assignment: Assignment) -> dict[str, ClaimedCurve]:
    """The same as a result keeps them, by metric, with what they do not show."""
    kept = {}
    for question in assignment.questions:
        curve = curves.get(question.id)
        if curve is not None and question.curve is not None:
            values = tuple(v if math.isfinite(v) else None for v in curve.values)
            said = tuple(unmet(curve, question.curve))
            kept[question.curve.metric] = ClaimedCurve(curve.epochs, values, curve.source, said)
    return kept


def _read(subject: Subject, wanted: LearningCurve) -> Curve | None:
    history: Any = None
    with contextlib.suppress(SubjectError):
        history = subject.value(wanted.history)
    curve = from_history(history, wanted)
    if curve is None:
        with contextlib.suppress(SubjectError):
            curve = from_files(subject.files(_LOGS), wanted)
    return curve
