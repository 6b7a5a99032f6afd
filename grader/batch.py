"""A whole folder of submissions: find, run what is missing, write grades and reports."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Protocol

from grader.assignment import Assignment, installed, load
from grader.data import find
from grader.errors import SubmissionError, UsageError
from grader.export.grades import grades_csv
from grader.kernel.library import stage_library
from grader.results import SubmissionResult
from grader.run import Settings, failed_on_our_side
from grader.sandbox import choose
from grader.schedule import events
from grader.schedule.local import run_all
from grader.secret import course_secret
from grader.store import Store
from grader.submission import Discovery, Submission, assignment_of, discover, read_notebook

_READ_FOR_METADATA = 50


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


@dataclass(frozen=True, slots=True)
class Plan:
    """What is going to run, for the lines on top of the progress bar."""

    assignment: Assignment
    discovery: Discovery
    settings: Settings
    jobs: int
    pending: tuple[Submission, ...]


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
    """What a run left behind."""

    results: tuple[SubmissionResult, ...]
    sentences: dict[str, str]
    out: Path
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
    """
    tier = choose(options.isolation)
    _make(options.out)
    with Store(options.out) as store:
        discovery = discover(options.source, unpack_to=options.out / "unpacked")
        assignment = load(options.assignment or _inferred(discovery))
        discovery = _for_assignment(discovery, assignment)
        jobs = options.jobs or max(1, len(os.sched_getaffinity(0)))
        settings = _settings(options, assignment, tier.name, jobs)
        pending = _pending(store, options, discovery, settings)
        store.set_fact("assignment", str(assignment.folder))
        display.begin(Plan(assignment, discovery, settings, jobs, pending))
        stopped = _run(store, pending, settings, jobs, display)
        display.end()
        store.forget_others({s.student_id for s in discovery.submissions})
        return replace(write_outputs(store, options.out), stopped=stopped)


def write_outputs(store: Store, out: Path) -> Outcome:
    """Writes `results.json`, `grades.csv` and the report from what the store holds.

    Raises:
        UsageError: there is nothing in the store.
    """
    from reports import render

    folder = store.fact("assignment")
    if folder is None:
        raise UsageError(f"{out} holds no results; `grader run SUBMISSIONS --out {out}` makes them")
    results = tuple(store.results())
    sentences: dict[str, str] = json.loads(store.fact("sentences") or "{}")
    _write(out / "results.json", _results_json(results))
    _write(out / "grades.csv", grades_csv(results))
    render(results, load(folder), out / "report", out / "notebooks", sentences)
    return Outcome(results, sentences, out)


def _run(
    store: Store,
    pending: Sequence[Submission],
    settings: Settings,
    jobs: int,
    display: Display,
) -> bool:
    by_id = {submission.student_id: submission for submission in pending}

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
            case events.Failed(student_id, reason):
                failed = failed_on_our_side(by_id[student_id], settings, reason)
                store.add_result(settings.key(by_id[student_id]), failed)
        display.tell(event)

    try:
        if pending:
            run_all(pending, settings, jobs, tell)
    except KeyboardInterrupt:
        return True
    return False


def _settings(options: Options, assignment: Assignment, tier: str, jobs: int) -> Settings:
    staged = options.out / ".sandbox"
    notebooks = options.out / "notebooks"
    notebooks.mkdir(exist_ok=True)
    data_set = _data_set(assignment, options.data_dir)
    cores = len(os.sched_getaffinity(0))
    return Settings(
        assignment=assignment,
        tier=tier,
        library=stage_library(staged),
        notebooks=notebooks,
        data_set=data_set,
        data_dir=options.data_dir,
        threads=max(1, cores // jobs),
        secret=course_secret(),
    )


def _data_set(assignment: Assignment, data_dir: Path | None) -> str:
    """The embedded default, or the first accepted data set that stands in `--data-dir`."""
    if data_dir is None:
        return assignment.data.default
    problems = []
    for name in assignment.data.accepts:
        try:
            return find(name, data_dir).name
        except UsageError as error:
            problems.append(str(error))
    raise UsageError(
        "; ".join(problems) or f"assignment {assignment.name} accepts no data set from a folder"
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
    chosen = [known[student] for student in options.only] or list(known.values())
    return tuple(
        submission
        for submission in chosen
        if options.force
        or options.only
        or store.finished(submission.student_id) != settings.key(submission)
    )


def _inferred(discovery: Discovery) -> str:
    """The assignment that most notebooks name in their metadata."""
    votes = Counter(filter(None, map(_named, discovery.submissions[:_READ_FOR_METADATA])))
    if votes:
        return votes.most_common(1)[0][0]
    raise UsageError(
        "no notebook says in its metadata (grader.assignment) what it is for: name it with "
        f"--assignment ({', '.join(installed())}, or a folder with an assignment.toml)"
    )


def _for_assignment(discovery: Discovery, assignment: Assignment) -> Discovery:
    """Submissions of another assignment become rows that say so."""
    checked = []
    for submission in discovery.submissions:
        named = _named(submission)
        if named is not None and named != assignment.name:
            problem = f"the notebook is for assignment {named!r}, this run grades {assignment.name}"
            checked.append(replace(submission, notebook=None, problem=problem))
        else:
            checked.append(submission)
    return replace(discovery, submissions=tuple(checked))


def _named(submission: Submission) -> str | None:
    if submission.notebook is None:
        return None
    try:
        return assignment_of(read_notebook(submission.notebook))
    except SubmissionError:
        return None  # told when the submission itself is graded


def _results_json(results: Sequence[SubmissionResult]) -> str:
    return json.dumps({"submissions": [result.to_json() for result in results]}, indent=1)


def _write(path: Path, text: str) -> None:
    partial = path.with_suffix(".partial")
    partial.write_text(text, "utf-8")
    partial.replace(path)


def _make(out: Path) -> None:
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(
            f"{out} cannot be made ({error.strerror}); choose another --out"
        ) from error
