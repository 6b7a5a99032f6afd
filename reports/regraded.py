"""What grading again has changed, as the class page shows it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from grader.assignment import Assignment
from grader.checks.verdict import Verdict
from grader.regrading import Change, Regrade
from reports.outcome import UNGRADED, Look, look
from reports.provenance import moment
from reports.roster import Link, link
from reports.typeset import label, points, prose

_MAX_CHANGES = 40
_MAX_SHOWN = 300  # half of them losses, half gains


@dataclass(frozen=True, slots=True)
class Side:
    """What one of the two gradings said."""

    look: Look
    points: str
    message: str


@dataclass(frozen=True, slots=True)
class ChangeView:
    """One check that decided otherwise."""

    question: str
    title: str
    was: Side
    now: Side


@dataclass(frozen=True, slots=True)
class RegradeView:
    """One student whose grade was another one.

    Attributes:
        tone: good where points were gained, bad where some were lost.
        difference: with its sign; empty where the score is the same.
        why: what else differs between the two runs.
    """

    link: Link
    was: str
    now: str
    tone: str
    difference: str
    why: str
    changes: tuple[ChangeView, ...]
    omitted: int


def views(
    regrades: Sequence[Regrade], slugs: Mapping[str, str], assignment: Assignment
) -> tuple[RegradeView, ...]:
    """From the largest loss to the largest gain; of too many, the middle is left out."""
    ordered = sorted(regrades, key=_gain)
    if len(ordered) > _MAX_SHOWN:
        ordered = ordered[: _MAX_SHOWN // 2] + ordered[-_MAX_SHOWN // 2 :]
    titles = {
        question.id: " ".join(filter(None, (question.sheet, question.title)))
        for question in assignment.questions
    }
    return tuple(_view(each, slugs, titles) for each in ordered)


def _view(regrade: Regrade, slugs: Mapping[str, str], titles: Mapping[str, str]) -> RegradeView:
    gain = _gain(regrade)
    return RegradeView(
        link=link(regrade.now, slugs),
        was=points(regrade.was.score),
        now=points(regrade.now.score),
        tone="good" if gain > 0 else "bad" if gain < 0 else "quiet",
        difference=f"{'+' if gain > 0 else '−'}{points(abs(gain))}" if gain else "",
        why=_why(regrade),
        changes=tuple(_change(each, titles) for each in regrade.changes[:_MAX_CHANGES]),
        omitted=max(0, len(regrade.changes) - _MAX_CHANGES),
    )


def _gain(regrade: Regrade) -> float:
    return round(regrade.now.score - regrade.was.score, 2)


def _why(regrade: Regrade) -> str:
    before = regrade.was.provenance.started_at
    when = f"Graded before on {moment(before)}. " if before else ""
    causes = ", ".join(label(cause, 200) for cause in regrade.causes)
    return f"{when}What else differs: {causes or 'nothing that is known'}."


def _change(change: Change, titles: Mapping[str, str]) -> ChangeView:
    verdict = change.now or change.was
    return ChangeView(
        question=label(titles.get(change.question, change.question), 200),
        title=label((verdict and verdict.title) or change.check, 200).rstrip("."),
        was=_side(change.was),
        now=_side(change.now),
    )


def _side(verdict: Verdict | None) -> Side:
    if verdict is None:
        return Side(UNGRADED, "–", "")
    worth = f"{points(verdict.points)} / {points(verdict.max_points)}"
    return Side(look(verdict.verdict), worth, prose(verdict.message, 600))
