"""One submission from file to grade: execute, probe, decide, write down."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from grader.authored import assignment_checks, catalogue_of
from grader.checks.adapted import Adapted
from grader.checks.context import Context
from grader.checks.curves import Curve
from grader.checks.declare import Check
from grader.checks.runner import run_checks
from grader.checks.seeds import Seeds
from grader.checks.subject import Subject
from grader.checks.verdict import Verdict
from grader.curves import claimed, curves_of
from grader.data import find
from grader.described import identity, provenance
from grader.ended import ended
from grader.errors import SubjectFault, SubmissionError
from grader.kernel.gone import GoneSubject
from grader.kernel.job import Executed, Job
from grader.kernel.session import Session
from grader.kernel.training import training_of
from grader.printed import executed_cells, printed_metrics
from grader.results import Provenance, SubmissionResult
from grader.sandbox import TIERS, Sandbox
from grader.settings import Settings, held_out_images
from grader.submission import Submission, slug
from grader.submission.defined import modules_to_run


@dataclass(frozen=True, slots=True)
class Listener:
    """Who is told while a submission runs."""

    on_cell: Callable[[int, int], None]
    on_verdict: Callable[[Verdict], None]


def grade(
    submission: Submission, settings: Settings, slot: int, listener: Listener
) -> SubmissionResult:
    """Executes one submission and decides every question.

    Never raises for what the student has handed in: that is in the result's status.

    Raises:
        InfrastructureError: the sandbox did not start.
        AssignmentError: the assignment's checks cannot be loaded.
    """
    if submission.notebook is None and not submission.modules:
        reason = submission.problem or "there is no notebook among the files"
        return _unread(submission, settings, reason, listener)
    try:
        return _graded(submission, settings, slot, listener)
    except SubmissionError as error:
        return _unread(submission, settings, str(error), listener)


def _graded(
    submission: Submission, settings: Settings, slot: int, listener: Listener
) -> SubmissionResult:
    began, started_at = time.monotonic(), datetime.now(UTC).isoformat(timespec="seconds")
    job = _job(submission, settings, slot)
    # What an earlier run left there must not be taken for what this one shows.
    job.executed.unlink(missing_ok=True)
    with Session(job, listener.on_cell) as session:
        executed = session.execute()
        cells = executed_cells(job.executed)
        subject = _subject(session, executed)
        curves = curves_of(subject, settings.assignment)
        verdicts = _decide(subject, cells, curves, settings, listener, submission.digest)
    ran = provenance(settings, job.sandbox, executed, started_at, session.peak_bytes)
    # Without a GPU, an exception by the name of torch's own is the student's own.
    status, reason = ended(executed, verdicts, cells if settings.place.gpus else ())
    return SubmissionResult(
        **identity(submission, settings),
        status=status,
        reason=reason,
        verdicts=tuple(verdicts),
        printed=printed_metrics(cells, settings.assignment),
        recomputed=_recomputed(verdicts),
        curves=claimed(curves, settings.assignment),
        executed=job.executed.name if job.executed.exists() else "",
        provenance=replace(ran, wall_seconds=time.monotonic() - began),
    )


def _job(submission: Submission, settings: Settings, slot: int) -> Job:
    gpu = settings.place.gpu(slot)
    return Job(
        notebook=submission.notebook,
        executed=settings.notebooks / f"{slug(submission.student_id)}.ipynb",
        tier=settings.tier,
        sandbox=replace(
            _sandbox(settings),
            submission=submission.folder,
            slot=slot,
            gpu=gpu.index if gpu else None,
        ),
        parameters=_parameters(settings),
        training=replace(
            training_of(submission.folder, settings.assignment),
            gpu_share=1 / settings.per_gpu if settings.place.gpus else None,
        ),
        modules=tuple((_inside(submission, path), path) for path in _modules(submission, settings)),
    )


def _modules(submission: Submission, settings: Settings) -> tuple[Path, ...]:
    sheet = settings.assignment
    return modules_to_run(submission, sheet.modules, sheet.names) if submission.modules else ()


def _inside(submission: Submission, path: Path) -> str:
    return str(path.relative_to(submission.folder)) if submission.folder else path.name


def _sandbox(settings: Settings) -> Sandbox:
    """What all sandboxes of a run have in common."""
    data = find(settings.data_set, settings.data_dir)
    training = (data.train_images, data.train_labels)
    return Sandbox(
        library=settings.library,
        limits=settings.assignment.limits,
        data=tuple((f"{data.name}/{path.name}", path) for path in training),
        threads=settings.threads,
    )


@contextmanager
def prepared(settings: Settings) -> Iterator[None]:
    """Has the tier start what its sandboxes share while the workers still load the assignment.

    Raises:
        InfrastructureError: it cannot be started.
    """
    tier = TIERS[settings.tier]
    tier.prepare(_sandbox(settings), wait=False)
    try:
        yield
    finally:
        tier.release()


def _parameters(settings: Settings) -> dict[str, Any]:
    assignment = settings.assignment
    if settings.data_set == assignment.data.default:
        return dict(assignment.parameters)
    return {**assignment.parameters, "data_set": settings.data_set}


def _subject(session: Session, executed: Executed) -> Subject:
    faults: dict[str, SubjectFault] = {"timeout": "timeout", "memory": "memory"}
    fault = faults.get(executed.fault, "error")
    return session.subject() if executed.alive else GoneSubject(executed.reason, fault)


def _decide(
    subject: Subject,
    cells: Sequence[Mapping[str, Any]],
    curves: Mapping[str, Curve],
    settings: Settings,
    listener: Listener,
    digest: str,
) -> list[Verdict]:
    assignment = settings.assignment
    verdicts = run_checks(
        assignment_checks(assignment),
        assignment.questions,
        Adapted(subject, assignment.questions),
        _context_for(settings, cells, curves, digest),
        catalogue_of(assignment),
    )
    return _told(verdicts, listener)


def _told(verdicts: Iterable[Verdict], listener: Listener) -> list[Verdict]:
    told = []
    for verdict in verdicts:
        listener.on_verdict(verdict)
        told.append(verdict)
    return told


def _context_for(
    settings: Settings,
    cells: Sequence[Mapping[str, Any]],
    curves: Mapping[str, Curve],
    digest: str,
) -> Callable[[Check], Context]:
    assignment = settings.assignment
    seeds = Seeds(settings.secret, assignment.name, assignment.version)
    questions = {question.id: question for question in assignment.questions}
    images = held_out_images(settings.data_set, settings.data_dir)
    printed = printed_metrics(cells, assignment)

    def context(check: Check) -> Context:
        return Context(
            question=questions[check.question],
            held_out=images,
            outputs=cells,
            printed=printed,
            curve=curves.get(check.question),
            device=settings.place.device,
            seed=seeds.of(check.name),
            replay=seeds.token(check.name, digest),
        )

    return context


def _recomputed(verdicts: Sequence[Verdict]) -> dict[str, tuple[float, float, float]]:
    merged: dict[str, tuple[float, float, float]] = {}
    for verdict in verdicts:
        for metric, figures in verdict.evidence.get("recomputed", {}).items():
            value, low, high = map(float, figures)
            merged[metric] = (value, low, high)
    return merged


def _unread(
    submission: Submission, settings: Settings, reason: str, listener: Listener
) -> SubmissionResult:
    """A row for what could not be run: every question is there, none was attempted."""
    gone = GoneSubject("nothing could be run", "missing")
    verdicts = run_checks(
        assignment_checks(settings.assignment),
        settings.assignment.questions,
        gone,
        _context_for(settings, [], {}, submission.digest),
    )
    return SubmissionResult(
        **identity(submission, settings),
        status="unreadable",
        reason=reason,
        verdicts=tuple(_told(verdicts, listener)),
        provenance=Provenance(isolation=settings.tier),
    )


def require_ready(settings: Settings) -> None:
    """Loads everything that a run needs, so that an author's error shows before it starts.

    Raises:
        AssignmentError: checks or catalogue are wrong.
        UsageError: data are missing or malformed.
    """
    assignment_checks(settings.assignment)
    catalogue_of(settings.assignment)
    held_out_images(settings.data_set, settings.data_dir)
