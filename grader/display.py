"""What a run looks like: a live bar on a terminal, plain lines elsewhere, a table at the end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection

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
from rich.table import Table
from rich.text import Text

from grader.batch import Display, Outcome, Plan
from grader.checks.verdict import Outcome as Ending
from grader.checks.verdict import Verdict
from grader.regrading import Regrade
from grader.results import SubmissionResult
from grader.schedule import events
from grader.submission.names import printable

_LINE_CHARACTERS = 500
_SHOWN_MISTAKES = 6
_SHOWN_STUDENTS = 60
_SHOWN_NOTES = 8
_SHOWN_REGRADES = 20
_SHOWN_CHANGES = 3


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
                self._line(student_id, f"{_score(result)}  {_state(result)}")
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
        self._console.print(_plain(line), soft_wrap=True)


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
    return _plain(
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
        console.print(_plain(f"  note: {note}", style="dim"), soft_wrap=True)
    if len(found.notes) > _SHOWN_NOTES:
        console.print(Text(f"  and {len(found.notes) - _SHOWN_NOTES} more notes", style="dim"))


def print_outcome(console: Console, outcome: Outcome, shown_out: str) -> None:
    """The table of students, the mistakes by frequency, and where everything is."""
    results = outcome.results
    if len(results) <= _SHOWN_STUDENTS:
        console.print(_students(results))
    console.print()
    console.print(_counts(results))
    if (mistakes := _mistakes(results, outcome.sentences)) is not None:
        console.print()
        console.print(mistakes)
    if outcome.regrades:
        console.print()
        console.print(_regrades(outcome.regrades))
    console.print()
    graded = [(r.score, r.max_score) for r in results if r.status != "infrastructure"]
    if graded:
        mean = sum(score for score, _ in graded) / len(graded)
        line = Text(f"mean {mean:.1f} / {max(most for _, most in graded):g} · ")
        written = ("grades.csv", *outcome.pages)
        line.append(" · ".join(f"{shown_out}/{name}" for name in written), style="bold")
        console.print(line, soft_wrap=True)
    _print_failures(console, outcome)
    if outcome.stopped:
        console.print(f"stopped; {len(results)} results are kept; the same command goes on")


def _students(results: Collection[SubmissionResult]) -> Table:
    table = _table("student", "score", "state", "lost points on")
    table.columns[1].justify = "right"
    for result in results:
        cells = (result.name, _score(result), _state(result), _lost_on(result))
        table.add_row(*map(_plain, cells))
    return table


def _counts(results: Collection[SubmissionResult]) -> Table:
    groups: Counter[str] = Counter()
    waiting = 0
    for result in results:
        groups[_group(result)] += 1
        waiting += result.waiting
    table = _table("", "")
    table.columns[1].justify = "right"
    for name in _GROUPS:
        if groups[name]:
            table.add_row(name, str(groups[name]))
    if waiting:
        table.add_row("wait for a person", str(waiting))
    return table


def _mistakes(results: Collection[SubmissionResult], sentences: dict[str, str]) -> Table | None:
    counted: Counter[str] = Counter()
    for result in results:
        counted.update({mistake for v in result.verdicts for mistake in v.mistakes})
    if not counted:
        return None
    table = _table("", "most frequent mistakes", "")
    table.columns[0].justify = "right"
    for mistake, count in counted.most_common(_SHOWN_MISTAKES):
        table.add_row(str(count), _plain(mistake), Text(sentences.get(mistake, ""), style="dim"))
    return table


def _regrades(regrades: tuple[Regrade, ...]) -> Table:
    """Who got something else than before, and why; the rest stands on the class page."""
    table = _table(f"graded again, {len(regrades)} came out otherwise", "was", "is", "why")
    for regrade in regrades[:_SHOWN_REGRADES]:
        was, now = regrade.was, regrade.now
        cells = (now.name, f"{round(was.score, 2):g}", f"{round(now.score, 2):g}", _why(regrade))
        table.add_row(*map(_plain, cells))
    if len(regrades) > _SHOWN_REGRADES:
        table.add_row(f"and {len(regrades) - _SHOWN_REGRADES} more")
    return table


def _why(regrade: Regrade) -> str:
    changes = [
        f"{change.check} {_ending(change.was)} → {_ending(change.now)}"
        for change in regrade.changes
    ]
    more = [f"{len(changes) - _SHOWN_CHANGES} more"] if len(changes) > _SHOWN_CHANGES else []
    because = [", ".join(regrade.causes)] if regrade.causes else []
    return "; ".join([", ".join(changes[:_SHOWN_CHANGES] + more), *because])


def _ending(verdict: Verdict | None) -> str:
    return verdict.verdict.value if verdict else "none"


def _table(*columns: str) -> Table:
    table = Table(box=None, show_header=any(columns), pad_edge=False, header_style="dim")
    for column in columns:
        table.add_column(column)
    return table


_GROUPS = (
    "passed everything",
    "lost some points",
    "stopped at a deadline",
    "ran out of memory",
    "crashed",
    "could not be read",
    "infrastructure failure",
)


def _group(result: SubmissionResult) -> str:
    by_status = {
        "timeout": "stopped at a deadline",
        "memory": "ran out of memory",
        "crashed": "crashed",
        "unreadable": "could not be read",
        "infrastructure": "infrastructure failure",
    }
    if result.status in by_status:
        return by_status[result.status]
    lost = any(_lost(verdict.verdict) for verdict in result.verdicts)
    return "lost some points" if lost else "passed everything"


def _lost(ending: Ending) -> bool:
    return ending not in (Ending.PASSED, Ending.MANUAL, Ending.INFRASTRUCTURE)


def _score(result: SubmissionResult) -> str:
    if result.status == "infrastructure":
        return "no score"
    return f"{round(result.score, 2):g} / {result.max_score:g}"


def _state(result: SubmissionResult) -> str:
    if result.status == "graded":
        return "graded"
    group = _group(result)
    return result.reason if result.reason.startswith(group) else f"{group}: {result.reason}"


def _lost_on(result: SubmissionResult) -> str:
    lost = dict.fromkeys(v.question for v in result.verdicts if _lost(v.verdict))
    automatic = {v.question for v in result.verdicts if v.verdict is not Ending.MANUAL}
    return "everything" if len(lost) == len(automatic) > 1 else ", ".join(lost)


def _print_failures(console: Console, outcome: Outcome) -> None:
    broken = outcome.infrastructure
    if not broken:
        return
    count = f"{len(broken)} submission{'s' if len(broken) != 1 else ''}"
    line = Text(f"{count} failed on our side, no grade: ", style="bold red")
    line.append(_plain(f"{broken[0].reason}; the same command tries again what has no grade"))
    console.print(line, soft_wrap=True)


def _plain(line: str, style: str = "") -> Text:
    """A line with whatever strangers put into it, and nothing that commands a terminal."""
    shown = "".join(c if c.isprintable() else " " for c in line[:_LINE_CHARACTERS])
    return Text(shown, style=style)
