"""`grader replay`: one verdict, reached once more from its token, beside the one that was kept."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from grader.assignment import Assignment
from grader.batch import Options, run_batch
from grader.checks.seeds import Replay, Seeds, decode
from grader.checks.verdict import Verdict
from grader.errors import UsageError
from grader.exporting import assignment_of_run
from grader.results import SubmissionResult
from grader.secret import course_secret
from grader.store import FILE, Store


@dataclass(frozen=True, slots=True)
class Replayed:
    """A verdict as it was kept, and as it was reached again."""

    student_id: str
    was: Verdict
    now: Verdict

    @property
    def same(self) -> bool:
        """Whether everything is as it was, but for the time that it took."""
        return replace(self.now, wall_seconds=0.0) == replace(self.was, wall_seconds=0.0)

    def lines(self) -> Iterator[str]:
        """The evidence, and whether it is the same."""
        now = self.now
        yield f"{self.student_id}: {now.question}, {now.check}"
        yield f"{now.verdict.value}, {now.points:g} of {now.max_points:g}. {now.message}".rstrip()
        row = now.to_json()
        for name in ("mistakes", "counterexample", "false_fail", "detectable", "evidence"):
            if row[name]:
                yield f"{name}: {json.dumps(row[name], default=str, sort_keys=True)}"
        yield "the same as it was kept" if self.same else f"it was kept as {_in_words(self.was)}"


def replay(token: str, folder: Path, source: Path | None, data_dir: Path | None) -> Replayed:
    """Grades the submission again, in a run of its own: what a check meets depends on the others.

    Args:
        token: from the evidence of a verdict.
        folder: the `--out` of the run that reached it.
        source: the submissions; where the run had found them when absent.
        data_dir: as it was given to the run.

    Raises:
        UsageError: the token is none, belongs to nothing in this run, or to another secret.
    """
    kept = _kept_in(folder, token)
    result, was = kept.result, kept.verdict
    place = source or kept.source
    if place is None or not place.exists():
        raise UsageError(f"{place or 'the submissions'} are not here; name them with --submissions")
    again = _graded_again(kept, place, data_dir)
    if again.digest != result.digest:
        raise UsageError(f"{place} holds another hand-in of {result.student_id} than was graded")
    now = next((v for v in again.verdicts if v.check == was.check), None)
    if now is None:
        raise UsageError(f"{again.student_id} came to no verdict: {again.reason}")
    return Replayed(result.student_id, was, now)


@dataclass(frozen=True, slots=True)
class _Kept:
    """A verdict with what the run has kept of how it was reached."""

    assignment: Assignment
    source: Path | None
    device: str
    result: SubmissionResult
    verdict: Verdict


def _kept_in(folder: Path, token: str) -> _Kept:
    wanted = decode(token)
    if not (folder / FILE).is_file():
        raise UsageError(f"{folder} holds no results; name the --out of the run with --run")
    with Store(folder) as store:
        assignment = assignment_of_run(store, folder)
        _require_same_seeds(wanted, assignment)
        found = _found_under(token, store)
        if found is None:
            raise UsageError(f"no verdict in {folder} has this token; name its run with --run")
        known = store.fact("source")
        source = Path(known) if known else None
        return _Kept(assignment, source, store.fact("device") or "cpu", *found)


def _graded_again(kept: _Kept, place: Path, data_dir: Path | None) -> SubmissionResult:
    with tempfile.TemporaryDirectory(prefix="grader-replay-") as out:
        options = Options(
            place,
            Path(out),
            str(kept.assignment.folder),
            jobs=1,
            data_dir=data_dir,
            only=(kept.result.student_id,),
            isolation=kept.result.provenance.isolation,
            dialect=kept.assignment.dialect or "none",
            audience="staff",
            device=kept.device,
        )
        (again,) = run_batch(options, _Silent()).results
        return again


def _found_under(token: str, store: Store) -> tuple[SubmissionResult, Verdict] | None:
    wanted = token.strip().lower()
    found = ((r, v) for r in store.automatic() for v in r.verdicts if v.replay == wanted)
    return next(found, None)


def _require_same_seeds(wanted: Replay, assignment: Assignment) -> None:
    if Seeds(course_secret(), assignment.name, assignment.version).reproduces(wanted):
        return
    if (wanted.assignment, wanted.version) != (assignment.name, assignment.version):
        raise UsageError(
            f"the token is of {wanted.assignment}, version {wanted.version}; this run graded "
            f"{assignment.name}, version {assignment.version}"
        )
    raise UsageError("the token was made with another course secret: share it as GRADER_SECRET")


def _in_words(verdict: Verdict) -> str:
    return f"{verdict.verdict.value}, {verdict.points:g} of {verdict.max_points:g}"


class _Silent:
    def begin(self, plan: Any) -> None:
        """Nothing is shown."""

    def tell(self, event: Any) -> None:
        """Nothing is shown."""

    def end(self) -> None:
        """Nothing is shown."""
