"""What a run came to: a table of students, one of mistakes, and where everything is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection

from rich.console import Console
from rich.table import Table
from rich.text import Text

from grader.batch import Outcome
from grader.checks.verdict import Outcome as Ending
from grader.checks.verdict import Verdict
from grader.regrading import Regrade
from grader.results import SubmissionResult

_LINE_CHARACTERS = 500
_SHOWN_MISTAKES = 6
_SHOWN_STUDENTS = 60
_SHOWN_REGRADES = 20
_SHOWN_CHANGES = 3


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
        cells = (result.name, score(result), state(result), _lost_on(result))
        table.add_row(*map(plain, cells))
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
        table.add_row(str(count), plain(mistake), Text(sentences.get(mistake, ""), style="dim"))
    return table


def _regrades(regrades: tuple[Regrade, ...]) -> Table:
    """Who got something else than before, and why; the rest stands on the class page."""
    table = _table(f"graded again, {len(regrades)} came out otherwise", "was", "is", "why")
    for regrade in regrades[:_SHOWN_REGRADES]:
        was, now = regrade.was, regrade.now
        cells = (now.name, f"{round(was.score, 2):g}", f"{round(now.score, 2):g}", _why(regrade))
        table.add_row(*map(plain, cells))
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


def score(result: SubmissionResult) -> str:
    """Points and how many there are; none where the failure was ours."""
    if result.status == "infrastructure":
        return "no score"
    return f"{round(result.score, 2):g} / {result.max_score:g}"


def state(result: SubmissionResult) -> str:
    """How the submission ended, with the reason where it was not graded."""
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
    line.append(plain(f"{broken[0].reason}; the same command tries again what has no grade"))
    console.print(line, soft_wrap=True)


def plain(line: str, style: str = "") -> Text:
    """A line with whatever strangers put into it, and nothing that commands a terminal."""
    shown = "".join(c if c.isprintable() else " " for c in line[:_LINE_CHARACTERS])
    return Text(shown, style=style)
