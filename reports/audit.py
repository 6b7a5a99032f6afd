"""The kill matrix as a page: what each check catches, and what it does to right answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from grader.checks.audit import AuditReport, CheckRow, MistakeRow
from reports.html import POLICY, environment, static
from reports.typeset import counted, duration, label, number, prose


@dataclass(frozen=True, slots=True)
class Row:
    """One mistake: a mark for each check, and how diagnosis names it."""

    id: str
    killed: tuple[bool, ...]
    named_as: str
    survives: bool
    alone: bool


@dataclass(frozen=True, slots=True)
class Group:
    """The mistakes that stand in for one function."""

    function: str
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class CheckView:
    """One check in words."""

    name: str
    question: str
    hidden: bool
    kills: int
    false_fail: str
    detectable: str
    time: str


@dataclass(frozen=True, slots=True)
class AuditPage:
    """Everything that stands on the page of an audit."""

    title: str
    summary: str
    problems: tuple[str, ...]
    checks: tuple[CheckView, ...]
    groups: tuple[Group, ...]
    failing: tuple[tuple[str, str], ...]
    passing: tuple[str, ...]
    variants: str
    not_audited: tuple[str, ...]


def audit_page(
    report: AuditReport,
    *,
    title: str,
    summary: str,
    questions: Mapping[str, str],
    not_audited: Sequence[str] = (),
) -> str:
    """The HTML of an audit.

    Args:
        report: of the checks against the catalogue.
        title: of the assignment.
        summary: the audit in one line.
        questions: number and title by question id.
        not_audited: names of the checks that judge a run of the notebook.
    """
    page = _page(report, title, summary, questions, not_audited)
    return (
        environment()
        .get_template("audit.html")
        .render(page=page, style=static("base.css", "audit.css", "print.css"), policy=POLICY)
    )


def _page(
    report: AuditReport,
    title: str,
    summary: str,
    questions: Mapping[str, str],
    not_audited: Sequence[str],
) -> AuditPage:
    names = [check.name for check in report.checks]
    right = [row for row in report.variants if row.passed]
    return AuditPage(
        title=label(title),
        summary=prose(summary),
        problems=tuple(prose(problem) for problem in report.problems),
        checks=tuple(_check(check, questions) for check in report.checks),
        groups=tuple(
            Group(label(function), tuple(_row(mistake, names) for mistake in mistakes))
            for function, mistakes in groupby(report.mistakes, lambda mistake: mistake.function)
        ),
        failing=tuple(
            (label(row.id), label(", ".join(row.failed), 400))
            for row in report.variants
            if not row.passed
        ),
        passing=tuple(label(row.id) for row in right),
        variants=f"{len(right)} of {counted(len(report.variants), 'right solution')} pass.",
        not_audited=tuple(label(name) for name in not_audited),
    )


def _row(mistake: MistakeRow, names: Sequence[str]) -> Row:
    names_given = ["itself" if name == mistake.id else name for name in mistake.named_as]
    return Row(
        id=label(mistake.id),
        killed=tuple(name in mistake.killed_by for name in names),
        named_as=label(" or ".join(names_given), 200),
        survives=not mistake.killed_by,
        alone=mistake.named_as == (mistake.id,),
    )


def _check(check: CheckRow, questions: Mapping[str, str]) -> CheckView:
    return CheckView(
        name=label(check.name),
        question=label(questions.get(check.question, check.question)),
        hidden=check.hidden,
        kills=len(check.kills),
        false_fail=f"below {number(check.false_fail)}" if check.false_fail else "never",
        detectable=label(check.detectable or "any above rounding on the inputs tried", 300),
        time=duration(check.wall_seconds),
    )
