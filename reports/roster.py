"""The table of students, and what needs a person before anything else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from grader.checks.verdict import Outcome
from grader.results import SubmissionResult
from reports.outcome import look
from reports.typeset import counted, label, points, prose


@dataclass(frozen=True, slots=True)
class Link:
    """A student's name and the page it leads to."""

    name: str
    href: str


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a hand-in stands, in a word with its tone."""

    key: str
    word: str
    tone: str


@dataclass(frozen=True, slots=True)
class Row:
    """One student in the table; `pattern` has a glyph per question."""

    link: Link
    student_id: str
    score: str
    standing: Standing
    pattern: str
    late: bool


@dataclass(frozen=True, slots=True)
class Trouble:
    """Hand-ins that need somebody, why, and what to do; `more` are not listed."""

    tone: str
    icon: str
    title: str
    advice: str
    entries: tuple[tuple[Link, str], ...]
    more: int


_RERUN = Standing("rerun", "To be run again", "ours")
_UNREADABLE = Standing("unreadable", "Could not be read", "bad")
_TROUBLES = (
    (
        _RERUN,
        "wrench",
        "failed on our side",
        "They cost no points. Run the same command again: only these are run.",
    ),
    (
        _UNREADABLE,
        "alert",
        "could not be read",
        "Ask for the notebook again, or open the file and see what was handed in.",
    ),
)
_LISTED = 200  # of a kind; the table has them all
_STOPPED = {
    "timeout": Standing("timeout", "Out of time", "bad"),
    "memory": Standing("memory", "Out of memory", "bad"),
    "crashed": Standing("crashed", "Crashed", "bad"),
}
_WAITING = Standing("waiting", "Waits for a person", "wait")
_FULL = Standing("passed", "Passed everything", "good")
_LOST = Standing("lost", "Lost points", "fair")


def link(result: SubmissionResult, slugs: Mapping[str, str]) -> Link:
    """To the student's page, by name."""
    name = label(result.name or result.student_id)
    return Link(name, f"students/{slugs[result.student_id]}.html")


def row(result: SubmissionResult, slug: str, outcomes: Sequence[Outcome | None]) -> Row:
    """A result as one line of the table."""
    name = label(result.name or result.student_id)
    student_id = label(result.student_id, 40)
    return Row(
        link=Link(name, f"students/{slug}.html"),
        student_id="" if student_id == name else student_id,
        score=points(result.score) if result.verdicts else "–",
        standing=_standing(result),
        pattern="".join(look(outcome).glyph for outcome in outcomes),
        late=result.late,
    )


def runs_again(result: SubmissionResult) -> bool:
    """Whether something failed on our side, so that nothing is known yet."""
    lost = any(verdict.verdict is Outcome.INFRASTRUCTURE for verdict in result.verdicts)
    return lost or result.status == "infrastructure"


class Troubled:
    """Hand-ins that need somebody, gathered from one result after the other."""

    def __init__(self) -> None:
        self._entries: dict[Standing, list[tuple[Link, str]]] = {_RERUN: [], _UNREADABLE: []}
        self._counts: Counter[Standing] = Counter()

    def add(self, result: SubmissionResult, slugs: Mapping[str, str]) -> None:
        """One hand-in, where it needs somebody."""
        standing = _standing(result)
        if standing in self._entries:
            self._counts[standing] += 1
            if self._counts[standing] <= _LISTED:
                self._entries[standing].append((link(result, slugs), _reason(result)))

    def troubles(self) -> tuple[Trouble, ...]:
        """Infrastructure failures first, then hand-ins that could not be read."""
        return tuple(
            Trouble(
                standing.tone,
                icon,
                f"{counted(self._counts[standing], 'hand-in')} {title}",
                advice,
                tuple(self._entries[standing]),
                self._counts[standing] - len(self._entries[standing]),
            )
            for standing, icon, title, advice in _TROUBLES
            if self._counts[standing]
        )


def _reason(result: SubmissionResult) -> str:
    lost = (v.message for v in result.verdicts if v.verdict is Outcome.INFRASTRUCTURE)
    return prose(result.reason or next(lost, ""), 300)


def _standing(result: SubmissionResult) -> Standing:
    outcomes = {verdict.verdict for verdict in result.verdicts}
    if runs_again(result):
        return _RERUN
    if result.status == "unreadable":
        return _UNREADABLE
    if result.status in _STOPPED:
        return _STOPPED[result.status]
    if result.waiting:
        return _WAITING
    return _FULL if outcomes == {Outcome.PASSED} else _LOST
