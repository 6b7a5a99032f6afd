"""What a result says beside its verdicts: whose work was graded, and how it was run."""

from __future__ import annotations

import platform
from typing import Any

from grader import environment
from grader.kernel.job import Executed
from grader.results import Provenance, SubmissionResult
from grader.sandbox import Sandbox
from grader.sandbox.spec import fixed
from grader.settings import Settings, held_out_in_words, package_versions
from grader.submission import Submission


def identity(submission: Submission, settings: Settings) -> dict[str, Any]:
    """Student, assignment and hand-in, as the first fields of a `SubmissionResult`."""
    at = submission.submitted_at
    return {
        "student_id": submission.student_id,
        "name": submission.name,
        "assignment": settings.assignment.name,
        "late": submission.late,
        "submitted_at": at.isoformat() if at else "",
        "digest": submission.digest,
        "assignment_digest": settings.assignment.digest(),
        "earlier": tuple(path.name for path in submission.earlier),
    }


def provenance(
    settings: Settings, sandbox: Sandbox, executed: Executed, started_at: str, peak_bytes: int
) -> Provenance:
    """How a submission was run, wall time aside.

    Args:
        settings: of the run.
        sandbox: that it ran in.
        executed: how its cells ended.
        started_at: in UTC, ISO 8601.
        peak_bytes: of memory.
    """
    return Provenance(
        isolation=settings.tier,
        device=settings.place.named(sandbox.slot),
        python=platform.python_version(),
        packages=package_versions(),
        started_at=started_at,
        execute_seconds=executed.seconds,
        memory_bytes=peak_bytes,
        overridden=executed.overridden,
        fixed=fixed(sandbox),
        held_out=held_out_in_words(settings),
        environment=environment.name_of(environment.lock()),
        data_set=settings.data_set,
    )


def failed_on_our_side(submission: Submission, settings: Settings, reason: str) -> SubmissionResult:
    """A row that costs no points and is run again next time."""
    return SubmissionResult(
        **identity(submission, settings),
        status="infrastructure",
        reason=reason,
        provenance=Provenance(isolation=settings.tier),
    )
