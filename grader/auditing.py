"""`grader audit`: whether an assignment is fit for release, before anybody hands in."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from grader.assignment import Assignment, Question, load
from grader.authored import assignment_checks, catalogue_of, variants_of
from grader.checks.audit import AuditReport, audit
from grader.checks.context import Catalogue, Context, Variant
from grader.checks.declare import Check
from grader.checks.seeds import Seeds
from grader.data import find, held_out
from grader.dialect import in_dialect
from grader.errors import AssignmentError, UsageError

NOT_AUDITED = "judged on a run of the notebook"

_LOG_COLUMNS = 160  # where there is no terminal to ask

# What only a run of a notebook has; a catalogue holds functions and values.
_OF_A_RUN = {"outputs", "printed"}


@dataclass(frozen=True, slots=True)
class Audit:
    """An assignment held against its own catalogue.

    Attributes:
        audited: the checks that met every mistake and every variant.
        not_audited: the checks that need the run of a notebook, which a catalogue has none of.
    """

    assignment: Assignment
    report: AuditReport
    audited: tuple[Check, ...]
    not_audited: tuple[Check, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain builtins, ready for `json.dumps`."""
        left = [
            {"name": check.name, "question": check.question, "reason": NOT_AUDITED}
            for check in self.not_audited
        ]
        return {
            "assignment": self.assignment.name,
            **self.report.to_json(),
            "not_audited": left,
        }


def audit_assignment(name_or_path: str, dialect: str | None = None) -> Audit:
    """Runs the checks of an assignment against its catalogue, in this process.

    In a dialect only what its sheet asks for is held against its checks.

    Progress is told on standard error. Nothing that checks or catalogue print reaches standard
    output.

    Raises:
        UsageError: there is no such assignment, or its data are not here.
        AssignmentError: checks or catalogue cannot be loaded, or there is no catalogue.
    """
    with redirect_stdout(sys.stderr):
        assignment = load(name_or_path)
        if dialect:
            assignment = in_dialect(assignment, dialect)
        checks = assignment_checks(assignment)
        catalogue = catalogue_of(assignment)
        if catalogue is None:
            raise AssignmentError(
                f"{assignment.folder / 'assignment.toml'}: catalogue: there is none, so nothing "
                "can be held against the checks; name a module with MISTAKES and VARIANTS"
            )
        variants = variants_of(assignment)
        if dialect:
            catalogue, variants = _asked_for(assignment, catalogue, variants)
        _require_distinct(assignment, [entry.id for entry in (*catalogue.mistakes, *variants)])
        audited, left = _parted(assignment, checks)
        steps = 1 + len(variants) + len(catalogue.mistakes)
        with _progress(assignment.name, steps) as told:
            report = audit(audited, _context_for(assignment), catalogue, variants, told)
    return Audit(assignment, report, audited, left)


def print_json(done: Audit) -> None:
    """Prints the audit as one JSON document."""
    print(json.dumps(done.to_json(), indent=2, allow_nan=False))


def print_tables(done: Audit) -> None:
    """Prints what kills each mistake, what each check costs, a summary, and the problems."""
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = _LOG_COLUMNS
    console.print(_mistakes(done.report))
    console.print()
    console.print(_checks(done))
    console.print()
    console.print(Text(summary(done)), soft_wrap=True)
    for problem in done.report.problems:
        console.print(_plain(f"problem: {problem}", "bold red"), soft_wrap=True)


def write_page(done: Audit, folder: Path) -> Path:
    """Writes the kill matrix to `audit.html` in the folder.

    Raises:
        UsageError: the folder cannot be written to.
    """
    from reports.audit import audit_page

    path = folder / "audit.html"
    page = audit_page(
        done.report,
        title=done.assignment.title,
        summary=summary(done),
        questions={q.id: f"{q.sheet} {q.title}".strip() for q in done.assignment.questions},
        not_audited=[check.name for check in done.not_audited],
    )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        path.write_text(page, "utf-8")
    except OSError as error:
        raise UsageError(
            f"{path} cannot be written ({error.strerror}); choose another folder with --out"
        ) from error
    return path


def summary(done: Audit) -> str:
    """The audit in one line."""
    mistakes, variants = done.report.mistakes, done.report.variants
    parts = [
        f"{sum(bool(m.killed_by) for m in mistakes)} of {len(mistakes)} mistakes killed, "
        f"{sum(m.id in m.named_as for m in mistakes)} named",
        f"correct variants: {sum(v.passed for v in variants)} of {len(variants)} pass",
        *_statistics(done.audited),
        f"{done.report.wall_seconds:.1f} s",
    ]
    return " · ".join(parts)


def _statistics(checks: Sequence[Check]) -> Iterator[str]:
    drawn = [check for check in checks if check.detects is not None]
    if not drawn:
        return
    yield f"false fail <= {_power(max(c.alpha for c in drawn))} a statistical check"
    seen = [
        (value, what, check.name)
        for check in drawn
        if check.detects is not None
        for what, value in check.detects.deviations.items()
    ]
    if seen:
        value, what, name = min(seen)
        yield f"smallest deviation seen: {what} off by {value:.2g} ({name})"


def _asked_for(
    assignment: Assignment, catalogue: Catalogue, variants: Sequence[Variant]
) -> tuple[Catalogue, list[Variant]]:
    """What stands in for a function that this sheet asks for."""
    questions = (question.checked_as or question.function for question in assignment.questions)
    asked = {function.name for function in questions if function}
    mistakes = [mistake for mistake in catalogue.mistakes if mistake.function in asked]
    kept = [variant for variant in variants if variant.function in asked]
    return replace(catalogue, mistakes=mistakes), kept


def _require_distinct(assignment: Assignment, ids: Sequence[str]) -> None:
    twice = [id for id, count in Counter(ids).items() if count > 1]
    if twice:
        raise AssignmentError(
            f"{assignment.folder / 'assignment.toml'}: catalogue: {assignment.catalogue} has two "
            f"entries {twice[0]!r}; rename one"
        )


def _parted(
    assignment: Assignment, checks: Sequence[Check]
) -> tuple[tuple[Check, ...], tuple[Check, ...]]:
    """The checks of functions, and those of what a run leaves behind: a model, figures, claims."""
    functions = {question.id for question in assignment.questions if question.function}

    def of_functions(check: Check) -> bool:
        return check.question in functions and not _OF_A_RUN & set(check.needs)

    audited = tuple(check for check in checks if of_functions(check))
    return audited, tuple(check for check in checks if not of_functions(check))


def _context_for(assignment: Assignment) -> Callable[[Check], Context]:
    """What an audited check may ask for: public seeds, so that an audit comes out the same."""
    seeds = Seeds(assignment=assignment.name, version=assignment.version)
    questions = {question.id: _as_checked(question) for question in assignment.questions}
    images = cache(lambda: held_out(find(assignment.data.default)))

    def context(check: Check) -> Context:
        return Context(
            question=questions[check.question],
            held_out=images() if "held_out" in check.needs else None,
            seed=seeds.of(check.name),
        )

    return context


def _as_checked(question: Question) -> Question:
    """The question under the name that checks and catalogues use, whatever a dialect calls it."""
    if question.checked_as is None:
        return question
    return question.model_copy(update={"function": question.checked_as, "checked_as": None})


@contextmanager
def _progress(name: str, steps: int) -> Iterator[Callable[[str], None]]:
    """A bar where somebody watches, one line where a log is read later."""
    console = Console(stderr=True)
    if not console.is_terminal:
        console.print(Text(f"auditing {name}: {steps} solutions"), soft_wrap=True)
        yield lambda _: None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}", markup=False))
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("", total=steps)

        def told(tried: str) -> None:
            progress.update(task, description=_printable(tried), advance=1)

        yield told


def _mistakes(report: AuditReport) -> Table:
    table = _table("mistake", "killed by", "named as")
    for row in report.mistakes:
        killers = _plain(", ".join(row.killed_by)) if row.killed_by else Text("none", "bold red")
        named = " or ".join("itself" if name == row.id else name for name in row.named_as)
        table.add_row(_plain(row.id), killers, _plain(named))
    return table


def _checks(done: Audit) -> Table:
    table = _table("check", "kills", "alpha", "detects", "time", numeric=("kills", "time"))
    for row in done.report.checks:
        alpha = _power(row.false_fail) if row.false_fail else "0"
        killed = Text(str(len(row.kills)), "" if row.kills else "bold red")
        seconds = Text(f"{row.wall_seconds:.3f} s")
        table.add_row(_plain(row.name), killed, alpha, _plain(row.detectable or ""), seconds)
    for check in done.not_audited:
        table.add_row(_plain(check.name), "", "", Text(f"not audited: {NOT_AUDITED}", "dim"), "")
    return table


def _table(*columns: str, numeric: Sequence[str] = ()) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    for column in columns:
        table.add_column(column, justify="right" if column in numeric else "left", overflow="fold")
    return table


def _power(probability: float) -> str:
    """A probability as people write it: 1e-9, not 1e-09."""
    return f"{probability:.0e}".replace("e-0", "e-")


def _plain(text: str, style: str = "") -> Text:
    return Text(_printable(text), style=style)


def _printable(text: str) -> str:
    """What an author or an exception says, with nothing in it that commands a terminal."""
    return "".join(c if c.isprintable() else " " for c in text)
