"""What grading again has changed: old verdicts beside new ones, and what else differs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from grader.checks.verdict import Verdict
from grader.results import SubmissionResult


@dataclass(frozen=True, slots=True)
class Change:
    """One check that decided otherwise; None where it did not exist, or no longer does."""

    question: str
    was: Verdict | None
    now: Verdict | None

    @property
    def check(self) -> str:
        """Its name; a question's id where a person decided."""
        return self.now.check if self.now else self.was.check if self.was else ""

    @property
    def points(self) -> float:
        """Gained, or lost where negative."""
        return _points(self.now) - _points(self.was)


@dataclass(frozen=True, slots=True)
class Regrade:
    """A hand-in whose verdicts are not what they were.

    Attributes:
        was: as it was graded before.
        now: as it is graded.
        causes: what else differs between the two, in words; empty where nothing is known to.
    """

    was: SubmissionResult
    now: SubmissionResult
    changes: tuple[Change, ...]
    causes: tuple[str, ...]


def regrades(
    before: Mapping[str, SubmissionResult], results: Iterable[SubmissionResult]
) -> tuple[Regrade, ...]:
    """Hand-ins that were graded again and came out otherwise, in the order of `results`.

    Args:
        before: what each result has replaced, by student.
        results: as they stand; after a fault of ours there is nothing to compare yet.
    """
    return tuple(filter(None, (_regrade(before.get(r.student_id), r) for r in results)))


def _regrade(was: SubmissionResult | None, now: SubmissionResult) -> Regrade | None:
    if was is None or was.assignment != now.assignment or now.status == "infrastructure":
        return None
    changes = tuple(_changes(was, now))
    return Regrade(was, now, changes, tuple(_causes(was, now))) if changes else None


def _changes(was: SubmissionResult, now: SubmissionResult) -> Iterator[Change]:
    old = {(verdict.question, verdict.check): verdict for verdict in was.verdicts}
    new = {(verdict.question, verdict.check): verdict for verdict in now.verdicts}
    for place in dict.fromkeys([*new, *old]):
        before, after = old.get(place), new.get(place)
        if _decision(before) != _decision(after):
            yield Change(place[0], before, after)


def _decision(verdict: Verdict | None) -> tuple[object, ...]:
    return (verdict.verdict, verdict.points, verdict.max_points) if verdict else ()


def _points(verdict: Verdict | None) -> float:
    return verdict.points if verdict else 0.0


def _causes(was: SubmissionResult, now: SubmissionResult) -> Iterator[str]:
    if was.digest != now.digest:
        yield "another hand-in"
    if was.assignment_digest != now.assignment_digest:
        yield "the assignment was changed"
    if was.status != now.status:
        yield f"it ended as {now.status}, before as {was.status}"
    old, new = was.provenance, now.provenance
    for name in sorted(old.packages.keys() | new.packages.keys()):
        versions = old.packages.get(name, "none"), new.packages.get(name, "none")
        if versions[0] != versions[1]:
            yield f"{name} {versions[1]}, before {versions[0]}"
    if old.held_out != new.held_out:
        yield f"other held-out data: {new.held_out or 'none'}"
    if old.overridden != new.overridden:
        yield "other parameters"
    if (old.isolation, old.device) != (new.isolation, new.device):
        yield f"run in {new.isolation} on {new.device}"
