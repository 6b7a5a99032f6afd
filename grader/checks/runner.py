"""Runs checks and turns whatever happens into verdicts."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from grader.checks.context import Catalogue, Context, Question
from grader.checks.declare import Check
from grader.checks.diagnosis import Diagnosis, diagnose, proved
from grader.checks.failure import CheckFailure
from grader.checks.recording import Recorder, recording
from grader.checks.rerun import explain_by_rerun
from grader.checks.subject import Subject
from grader.checks.verdict import Counterexample, Outcome, Verdict
from grader.checks.watching import Watched
from grader.errors import AssignmentError, SubjectError

_NOT_YOURS = "This check could not run. That is not your fault, costs no points and is tried again."
# A question with one of these verdicts does not stop those that require it: a person or another
# try has yet to decide, or something was earned.
_LETS_PASS = {Outcome.PASSED, Outcome.PARTIAL, Outcome.MANUAL, Outcome.INFRASTRUCTURE}


@dataclass(frozen=True, slots=True)
class _Ending:
    outcome: Outcome
    fraction: float = 0.0
    message: str = ""
    hint: str = ""
    counterexample: Counterexample | None = None
    facts: dict[str, Any] = field(default_factory=dict)
    shows: tuple[str, ...] = ()


def run_checks(
    checks: Sequence[Check],
    questions: Sequence[Question],
    subject: Subject,
    context_for: Callable[[Check], Context],
    catalogue: Catalogue | None = None,
) -> Iterator[Verdict]:
    """Verdicts in the order of the sheet, each as soon as it is known.

    Args:
        checks: of the assignment.
        questions: in the order of the sheet; a manual one yields one verdict that waits.
        subject: the student's code.
        context_for: what a check may ask for beside the subject.
        catalogue: known mistakes; None where failures are not to be explained.
    """
    stopped: set[str] = set()
    for question in questions:
        missing = [required for required in question.requires if required in stopped]
        for verdict in _of_question(question, missing, checks, subject, context_for, catalogue):
            if verdict.verdict not in _LETS_PASS:
                stopped.add(question.id)
            yield verdict


def run_check(
    check: Check, subject: Subject, context: Context, catalogue: Catalogue | None = None
) -> Verdict:
    """Runs one check. Whatever it raises becomes a verdict; our own faults are never a student's.

    Args:
        check: as declared.
        subject: the student's code.
        context: resolved for this check.
        catalogue: known mistakes; None where failures are not to be explained.
    """
    started = time.perf_counter()
    signature = None if context.question is None else context.question.function
    function = "" if signature is None else signature.name
    # What checks call and speak of, where the student's own name is another one.
    own = signature if signature is None else context.question.checked_as or signature
    arguments = () if own is None else tuple(own.arguments)
    watched = Watched(subject, "" if own is None else own.name)
    with recording(Recorder(function, arguments, check.hidden, check.alpha)) as recorder:
        ending = _run(check, watched, context)
    facts = recorder.facts | ending.facts
    diagnosis = Diagnosis()
    if ending.outcome in (Outcome.FAILED, Outcome.PARTIAL) and function and catalogue is not None:
        diagnosis = _explain(check, context, watched, catalogue, facts)
        if not diagnosis.mistakes:
            diagnosis = proved(ending.shows, function, catalogue)
    message = " ".join(filter(None, (ending.message, diagnosis.says or ending.hint)))
    return Verdict(
        question=check.question,
        check=check.name,
        verdict=ending.outcome,
        points=round(check.points * ending.fraction, 2),
        max_points=check.points,
        title=check.title,
        message=message,
        counterexample=None if check.hidden else ending.counterexample,
        mistakes=diagnosis.mistakes,
        false_fail=check.alpha,
        detectable=None if check.detects is None else str(check.detects),
        evidence=facts,
        hidden=check.hidden,
        replay=context.replay,
        wall_seconds=time.perf_counter() - started,
    )


def _of_question(
    question: Question,
    missing: Sequence[str],
    checks: Sequence[Check],
    subject: Subject,
    context_for: Callable[[Check], Context],
    catalogue: Catalogue | None,
) -> Iterator[Verdict]:
    if question.manual:
        yield Verdict(
            question.id,
            question.id,
            Outcome.MANUAL,
            points=0.0,
            max_points=question.points,
            title=question.title,
            message="Waits for a person.",
        )
        return
    for check in (check for check in checks if check.question == question.id):
        if missing:
            yield _skipped(check, missing)
        else:
            yield run_check(check, subject, context_for(check), catalogue)


def _skipped(check: Check, missing: Sequence[str]) -> Verdict:
    return Verdict(
        check.question,
        check.name,
        Outcome.SKIPPED,
        points=0.0,
        max_points=check.points,
        title=check.title,
        message=f"Not tried: it builds on {' and '.join(missing)}, which did not pass.",
        hidden=check.hidden,
    )


def _run(check: Check, subject: Subject, context: Context) -> _Ending:
    try:
        if absent := _absent(subject, context.question):
            return _Ending(Outcome.MISSING, message=f"not attempted: {absent} is not defined")
        check.function(**_resolve(check, subject, context))
    except CheckFailure as failure:
        return _failed(failure)
    except SubjectError as error:
        return _Ending(Outcome(error.fault), message=_told(error, check, context.question))
    except Exception:  # noqa: BLE001 - whatever our own check raises must not become a student's
        facts = {"traceback": traceback.format_exc()}
        return _Ending(Outcome.INFRASTRUCTURE, message=_NOT_YOURS, facts=facts)
    return _Ending(Outcome.PASSED, fraction=1.0)


def _told(error: SubjectError, check: Check, question: Question | None) -> str:
    # What the student's exception says may be the input itself, and a hidden one stays hidden.
    said = str(error)
    asked = None if question is None else question.function
    if asked and said == f"not attempted: {asked.name} is still as it was handed out":
        return said  # our own words
    return said.split(":", 1)[0] if check.hidden else said


def _failed(failure: CheckFailure) -> _Ending:
    return _Ending(
        Outcome.PARTIAL if failure.fraction > 0 else Outcome.FAILED,
        failure.fraction,
        failure.message,
        failure.hint,
        failure.counterexample,
        failure.evidence,
        failure.shows,
    )


def _absent(subject: Subject, question: Question | None) -> str:
    """Name of the question's function where the student defined it under none of its names."""
    if question is None or question.function is None:
        return ""
    names = [question.function.name, *(also.name for also in question.also)]
    kinds = (subject.definition(name).kind for name in names)
    return question.function.name if all(kind == "missing" for kind in kinds) else ""


def _resolve(check: Check, subject: Subject, context: Context) -> dict[str, Any]:
    if "held_out" in check.needs and context.held_out is None:
        raise AssignmentError(f"check {check.name!r} needs held-out data, and this run has none")
    return {name: subject if name == "subject" else getattr(context, name) for name in check.needs}


def _explain(
    check: Check, context: Context, watched: Watched, catalogue: Catalogue, facts: dict[str, Any]
) -> Diagnosis:
    def run(subject: Subject) -> list[Any]:
        again = Watched(subject)
        with recording(Recorder("", (), check.hidden, check.alpha)):
            _run(check, again, context)
        return again.answers

    try:
        if not watched.calls:  # a class, or a function that returns one
            return explain_by_rerun(watched.function, watched.answers, catalogue, run)
        calls = [(request, answer) for request, answer in watched.calls if catalogue.knows(request)]
        return diagnose(watched.function, calls, catalogue)
    except Exception:  # noqa: BLE001 - a broken catalogue entry must not change a verdict
        facts["diagnosis_traceback"] = traceback.format_exc()
        return Diagnosis()
