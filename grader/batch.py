"""A whole folder of submissions: find, run what is missing, write grades and reports."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Protocol

from grader import environment
from grader.assignment import Assignment
from grader.described import failed_on_our_side
from grader.devices import Place
from grader.errors import UsageError
from grader.export.grades import grades_csv
from grader.export.results import results_parts
from grader.exporting import assignment_of_run
from grader.inference import chosen_assignment, only_of
from grader.kernel.library import stage_library
from grader.landing import landing_pages, wanted
from grader.regrading import Regrade, regrades
from grader.results import SubmissionResult
from grader.sandbox import choose
from grader.schedule import events
from grader.schedule.cluster import Cluster, run_array
from grader.schedule.local import run_all
from grader.schedule.slurm import Request
from grader.secret import course_secret
from grader.settings import Settings, data_set_for, held_out_in_words
from grader.slots import cores, isolation_on, place_elsewhere, place_for, slots
from grader.store import Store
from grader.submission import Discovery, Submission, discover
from grader.written import make, write, writing


@dataclass(frozen=True, slots=True)
class Options:
    """What the person at the keyboard asked for."""

    source: Path
    out: Path
    assignment: str | None = None
    jobs: int | None = None
    data_dir: Path | None = None
    only: tuple[str, ...] = ()
    force: bool = False
    isolation: str = "auto"
    dialect: str | None = None
    audience: str | None = None
    slurm: Request | None = None
    device: str = "cpu"
    gpus: int | None = None
    per_gpu: int = 1


@dataclass(frozen=True, slots=True)
class Plan:
    """What is going to run, for the lines on top of the progress bar."""

    assignment: Assignment
    discovery: Discovery
    settings: Settings
    jobs: int
    pending: tuple[Submission, ...]
    held_out: str
    slurm: Request | None = None


class Display(Protocol):
    """Shows a run while it goes on."""

    def begin(self, plan: Plan) -> None:
        """Before the first submission starts."""

    def tell(self, event: events.Event) -> None:
        """Something happened."""

    def end(self) -> None:
        """Nothing more will run."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run left behind.

    Attributes:
        pages: where to look, below `out`.
        regrades: what came out otherwise when it was graded again; of a run, by this run.
    """

    results: Collection[SubmissionResult]
    sentences: dict[str, str]
    out: Path
    pages: tuple[str, ...] = ()
    regrades: tuple[Regrade, ...] = ()
    stopped: bool = False

    @property
    def infrastructure(self) -> tuple[SubmissionResult, ...]:
        """Submissions that our side failed on."""
        return tuple(r for r in self.results if r.status == "infrastructure")


def run_batch(options: Options, display: Display) -> Outcome:
    """Grades what is missing and writes `results.json`, `grades.csv` and the report.

    Raises:
        UsageError: the command cannot be carried out as typed.
        AssignmentError: the assignment is wrong.
        InfrastructureError: nothing more can be written.
    """
    # Sandboxes and workers have other working folders.
    options = replace(options, source=options.source.absolute(), out=options.out.absolute())
    make(options.out)
    with Store(options.out) as store:
        ran, stopped = _graded(store, options, display)
        outcome = write_outputs(store, options.out, options.audience)
        now = tuple(each for each in outcome.regrades if each.now.student_id in ran)
        return replace(outcome, regrades=now, stopped=stopped)


def _graded(store: Store, options: Options, display: Display) -> tuple[set[str], bool]:
    """Who got a result, and whether it was stopped; of the class nothing more stays in memory."""
    plan = _plan(store, options)
    store.set_fact("assignment", str(plan.assignment.folder))
    store.set_fact("dialect", plan.assignment.dialect)
    store.set_fact("source", str(options.source))
    store.set_fact("data_set", plan.settings.data_set)
    store.set_fact("device", plan.settings.place.device)
    with landing_pages(store, options.out, options.audience) as write_pages:
        done = _run(store, plan, display, write_pages)
    store.forget_others({s.student_id for s in plan.discovery.submissions})
    return done


def _plan(store: Store, options: Options) -> Plan:
    where = _place(options)
    tier = choose(isolation_on(where, options.isolation))
    discovery = discover(options.source, unpack_to=options.out / "unpacked")
    assignment = chosen_assignment(discovery, options.source, options.assignment, options.dialect)
    discovery = only_of(discovery, assignment)
    elsewhere = options.slurm is not None
    jobs = slots(where, options.jobs, options.per_gpu, elsewhere=elsewhere)
    settings = _settings(options, assignment, tier.name, where, jobs)
    pending = _pending(store, options, discovery, settings)
    held_out = held_out_in_words(settings)
    return Plan(assignment, discovery, settings, jobs, pending, held_out, options.slurm)


def _place(options: Options) -> Place:
    if options.slurm is not None:
        return place_elsewhere(options.device, options.isolation, options.slurm.gpus)
    return place_for(options.device, options.gpus, options.isolation)


def write_outputs(store: Store, out: Path, audience: str | None = None) -> Outcome:
    """Writes `results.json`, `grades.csv` and the pages from what the store holds.

    Args:
        store: of a run.
        out: its folder.
        audience: `staff` gets `report/`, `student` gets `feedback/`, None means both. What is
            there already is written anew in any case, so that nothing goes stale.

    Raises:
        UsageError: there is nothing in the store.
        InfrastructureError: they cannot be written.
    """
    from reports import render, render_feedback

    assignment = assignment_of_run(store, out)
    # After a change of assignment, what has not run again yet is no result of this one.
    results = store.of(assignment.name)
    sentences: dict[str, str] = json.loads(store.fact("sentences") or "{}")
    changed = regrades(store.replaced(), results)
    with writing(out):
        write(out / "results.json", results_parts(results))
        write(out / "grades.csv", [grades_csv(results, assignment.late)])
        pages = []
        if wanted("staff", audience, report := out / "report"):
            render(results, assignment, report, out / "notebooks", sentences, changed)
            pages.append("report/index.html")
        if wanted("student", audience, feedback := out / "feedback"):
            render_feedback(results, assignment, feedback, out / "notebooks", sentences)
            pages.append("feedback/")
    return Outcome(results, sentences, out, tuple(pages), changed)


def _run(
    store: Store, plan: Plan, display: Display, write_pages: Callable[[SubmissionResult], None]
) -> tuple[set[str], bool]:
    """Runs what is pending; gives who got a result, and whether it was stopped by hand."""
    settings = plan.settings
    ran: set[str] = set()
    by_id = {submission.student_id: submission for submission in plan.pending}

    def tell(event: events.Event) -> None:
        match event:
            case events.Ready(sentences):
                store.set_fact("sentences", json.dumps(sentences))
            case events.Started(student_id):
                store.begin(student_id)
            case events.Landed(student_id, verdict):
                store.add_verdict(student_id, verdict)
            case events.Finished(student_id, result):
                store.add_result(settings.key(by_id[student_id]), result)
                ran.add(student_id)
                write_pages(result)
            case events.Failed(student_id, reason):
                failed = failed_on_our_side(by_id[student_id], settings, reason)
                store.add_result(settings.key(by_id[student_id]), failed)
        display.tell(event)

    display.begin(plan)
    try:
        if plan.pending and plan.slurm:
            run_array(plan.pending, settings, _cluster(store, plan, plan.slurm), tell)
        elif plan.pending:
            run_all(plan.pending, settings, plan.jobs, tell)
    except KeyboardInterrupt:
        return ran, True
    finally:
        display.end()
    return ran, False


def _cluster(store: Store, plan: Plan, request: Request) -> Cluster:
    return Cluster(
        folder=plan.settings.notebooks.parent / "slurm",
        request=request,
        jobs=plan.jobs,
        recalled=store.fact("slurm") or "",
        remember=lambda arrays: store.set_fact("slurm", arrays),
    )


def _settings(
    options: Options, assignment: Assignment, tier: str, where: Place, jobs: int
) -> Settings:
    data_dir = options.data_dir and options.data_dir.absolute()
    data_set = data_set_for(assignment, data_dir)
    notebooks = options.out / "notebooks"
    with writing(options.out):
        notebooks.mkdir(exist_ok=True)
        library = stage_library(options.out / ".sandbox")
        environment.keep(options.out, environment.lock())
    return Settings(
        assignment=assignment.on(data_set, where.device),
        tier=tier,
        place=where,
        per_gpu=options.per_gpu,
        library=library,
        notebooks=notebooks,
        data_set=data_set,
        data_dir=data_dir,
        # A task of Slurm's gets a core for each submission that it runs at a time.
        threads=1 if options.slurm else max(1, cores() // jobs),
        secret=course_secret(),
    )


def _pending(
    store: Store, options: Options, discovery: Discovery, settings: Settings
) -> tuple[Submission, ...]:
    known = {submission.student_id: submission for submission in discovery.submissions}
    for student in options.only:
        if student not in known:
            close = get_close_matches(student, known, n=3)
            hint = f"; did you mean {' or '.join(close)}?" if close else ""
            raise UsageError(f"--only {student}: no such student among {len(known)}{hint}")
    chosen = [known[student] for student in dict.fromkeys(options.only)] or list(known.values())
    return tuple(
        submission
        for submission in chosen
        if options.force
        or options.only
        or store.finished(submission.student_id) != settings.key(submission)
    )
