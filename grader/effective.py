"""Results with people's marks in them: the one place where a mark becomes a verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from grader.checks.verdict import Outcome, Verdict
from grader.marks import Mark
from grader.results import SubmissionResult


def with_marks(result: SubmissionResult, marks: Mapping[str, Mark]) -> SubmissionResult:
    """A result in which marked questions hold one verdict, a person's.

    Args:
        result: as the checks left it.
        marks: the ones in force, by question.
    """
    if result.status == "infrastructure":
        return result  # nothing was graded that could be marked
    own: dict[str, list[Verdict]] = {}
    for verdict in result.verdicts:
        own.setdefault(verdict.question, []).append(verdict)
    verdicts: list[Verdict] = []
    for question, automatic in own.items():
        mark = marks.get(question)
        verdicts += [_marked(mark, automatic)] if mark and counts(mark, result) else automatic
    return replace(result, verdicts=tuple(verdicts))


def counts(mark: Mark, result: SubmissionResult) -> bool:
    """Whether a mark in force decides; it says nothing about a hand-in its author has not read."""
    return mark.points is not None and mark.digest == result.digest


def waits(automatic: Sequence[Verdict]) -> bool:
    """Whether a question is a person's to mark."""
    return any(verdict.verdict is Outcome.MANUAL for verdict in automatic)


def _marked(mark: Mark, automatic: Sequence[Verdict]) -> Verdict:
    possible = sum(verdict.max_points for verdict in automatic)
    points = min(mark.points or 0.0, possible)
    overruled = () if waits(automatic) else tuple(automatic)
    outcome = _outcome(points, possible)
    mistakes = dict.fromkeys(m for verdict in overruled for m in verdict.mistakes)
    why = mark.reason if overruled else ""
    return Verdict(
        question=mark.question,
        check=mark.question,
        verdict=outcome,
        points=points,
        max_points=possible,
        title=f"{'Decided' if overruled else 'Marked'} by {mark.author}",
        message="\n".join(filter(None, (why, mark.comment))),
        mistakes=() if outcome is Outcome.PASSED else tuple(mistakes),
        evidence={"marked_by": mark.author, "marked_at": mark.marked_at},
        by=mark.author,
        overruled=overruled,
    )


def _outcome(points: float, possible: float) -> Outcome:
    if points >= possible:
        return Outcome.PASSED
    return Outcome.PARTIAL if points > 0 else Outcome.FAILED


# Stands for the name of a check that students do not know.
NOT_PUBLIC = "not-public"
# What a student reads of a check that is not public: how it ended, in words that hold for any.
_TOLD = {
    Outcome.FAILED: "Your answer is not right on inputs that are not public.",
    Outcome.PARTIAL: "Your answer is right in part on inputs that are not public.",
    Outcome.ERROR: "On inputs that are not public your code raised an error, or returned "
    "something of the wrong kind.",
    Outcome.TIMEOUT: "On inputs that are not public your code ran out of time.",
    Outcome.MEMORY: "On inputs that are not public your code ran out of memory.",
    Outcome.MISSING: "What this asks for is not defined.",
    Outcome.SKIPPED: "Not tried: it builds on a question that did not pass.",
    Outcome.INFRASTRUCTURE: "This could not be decided. That is not your fault and is tried again.",
}


def as_students_see(result: SubmissionResult) -> SubmissionResult:
    """A result without what would give hidden checks or held-out data away.

    Whatever is made of it for students can then leak nothing. Of a hidden check there remain its
    points, how it ended, and the catalogued mistake, whose sentence is written for students.
    """
    return replace(
        result,
        verdicts=tuple(map(_disclosed, result.verdicts)),
        # A fault of ours is told by the name of the check that it stopped.
        reason="" if result.status == "infrastructure" else result.reason,
        assignment_digest="",
        provenance=replace(result.provenance, held_out=""),
    )


def _disclosed(verdict: Verdict) -> Verdict:
    overruled = tuple(map(_disclosed, verdict.overruled))
    if not verdict.hidden:
        # A traceback of ours shows lines of checks and of mistakes.
        plain = {k: v for k, v in verdict.evidence.items() if not k.endswith("traceback")}
        return replace(verdict, evidence=plain, overruled=overruled)
    return Verdict(
        question=verdict.question,
        check=NOT_PUBLIC,
        verdict=verdict.verdict,
        points=verdict.points,
        max_points=verdict.max_points,
        title="A check that is not public",
        message=_TOLD.get(verdict.verdict, ""),
        mistakes=verdict.mistakes,
        hidden=True,
        overruled=overruled,
    )
