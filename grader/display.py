"""What a run looks like while it lasts: a live bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from grader.batch import Display, Plan
from grader.schedule import events
from grader.submission.names import printable
from grader.summary import plain, score, state

_SHOWN_NOTES = 8


def display_for(console: Console) -> Display:
    """A bar where somebody watches, lines where a log is read later."""
    return _Bar(console) if console.is_terminal else _Lines(console)


class _Lines:
    def __init__(self, console: Console) -> None:
        self._console = console
        self._done = 0
        self._total = 0

    def begin(self, plan: Plan) -> None:
        self._total = len(plan.pending)
        print_plan(self._console, plan)

    def tell(self, event: events.Event) -> None:
        match event:
            case events.Finished(student_id, result):
                self._done += 1
                self._line(student_id, f"{score(result)}  {state(result)}")
            case events.Failed(student_id, reason):
                self._done += 1
                self._line(student_id, f"infrastructure: {reason}")
            case events.Retried(student_id, reason):
                self._line(student_id, f"tried again: {reason}")
            case events.Queued(job, tasks):
                self._console.print(_queued(job, tasks), soft_wrap=True)

    def end(self) -> None:
        """Nothing to take down."""

    def _line(self, student_id: str, what: str) -> None:
        line = f"[{self._done}/{self._total}] {student_id}  {what}"
        self._console.print(plain(line), soft_wrap=True)


class _Bar:
    def __init__(self, console: Console) -> None:
        self._console = console
        self._running: dict[str, str] = {}
        self._retried = 0
        self._task: TaskID | None = None
        self._progress = Progress(
            BarColumn(bar_width=None),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[running]}", markup=False),
            console=console,
            transient=True,
        )

    def begin(self, plan: Plan) -> None:
        print_plan(self._console, plan)
        self._task = self._progress.add_task("", total=len(plan.pending), running="starting")
        self._progress.start()

    def tell(self, event: events.Event) -> None:
        match event:
            case events.Started(student_id):
                self._running[student_id] = ""
            case events.Progress(student_id, cell, cells):
                self._running[student_id] = f" {cell}/{cells}"
            case events.Landed(student_id, verdict):
                self._running[student_id] = f" {verdict.question}"
            case events.Retried():
                self._retried += 1
            case events.Queued(job, tasks):
                self._progress.console.print(_queued(job, tasks), soft_wrap=True)
            case events.Finished(student_id, _) | events.Failed(student_id, _):
                self._running.pop(student_id, None)
                self._advance()
        self._show()

    def end(self) -> None:
        self._progress.stop()

    def _advance(self) -> None:
        assert self._task is not None
        self._progress.advance(self._task)

    def _show(self) -> None:
        assert self._task is not None
        running = ", ".join(
            f"{printable(student, 24)}{where}" for student, where in self._running.items()
        )
        retried = f" · {self._retried} retried" if self._retried else ""
        self._progress.update(self._task, running=f"{running}{retried}")


def _queued(job: str, tasks: int) -> Text:
    count = f"{tasks} task{'s' if tasks != 1 else ''}"
    return plain(
        f"Slurm job {job}: {count}; it goes on without this command, and `scancel {job}` ends it"
    )


def print_plan(console: Console, plan: Plan) -> None:
    """Two lines on what is about to happen, and what a TA should know of the folder."""
    found = plan.discovery
    total = len(found.submissions)
    kept = total - len(plan.pending)
    again = f" · {kept} unchanged, not run again" if kept else ""
    dialect = f" · dialect {plan.assignment.dialect}" if plan.assignment.dialect else ""
    console.print(
        Text(
            f"{plan.assignment.name}{dialect} · {total} submissions ({found.layout} layout){again}"
        )
    )
    settings = plan.settings
    workers = f"{plan.jobs} worker{'s' if plan.jobs != 1 else ''}"
    device = f" · {settings.place.said}" if settings.place.said else ""
    line = Text(f"isolation {settings.tier} · {workers}{device} · held-out data {plan.held_out}")
    if settings.tier == "none":
        line.append(" · students' code runs unprotected", style="bold red")
    console.print(line, soft_wrap=True)
    for note in found.notes[:_SHOWN_NOTES]:
        console.print(plain(f"  note: {note}", style="dim"), soft_wrap=True)
    if len(found.notes) > _SHOWN_NOTES:
        console.print(Text(f"  and {len(found.notes) - _SHOWN_NOTES} more notes", style="dim"))
