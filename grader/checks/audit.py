"""Proof that an assignment is fit for release: right answers pass, known mistakes do not."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from grader.checks.context import Catalogue, Context, Mistake, Variant
from grader.checks.declare import Check
from grader.checks.runner import run_check
from grader.checks.verdict import Outcome, Verdict
from grader.checks.watching import Watched

_RIGHT = "the right solution"

# What a mistake meets when a check catches it; a fault of our own is none.
_KILLS = {Outcome.FAILED, Outcome.PARTIAL, Outcome.ERROR, Outcome.TIMEOUT, Outcome.MEMORY}


@dataclass(frozen=True, slots=True)
class CheckRow:
    """One check: what it kills, how sure it is and what it costs on the right solution."""

    name: str
    question: str
    kills: tuple[str, ...]
    false_fail: float
    detectable: str | None
    hidden: bool
    wall_seconds: float


@dataclass(frozen=True, slots=True)
class MistakeRow:
    """One mistake: the checks that kill it, and the ids that diagnosis gives it."""

    id: str
    function: str
    killed_by: tuple[str, ...]
    named_as: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class VariantRow:
    """One honest way of being right; `failed` names the checks that think otherwise.

    One that no check meets has not passed: it has proved nothing.
    """

    id: str
    passed: bool
    failed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AuditReport:
    """The kill matrix and everything that stands in the way of a release.

    Attributes:
        problems: one sentence each; empty where the assignment is fit for release.
    """

    checks: tuple[CheckRow, ...]
    mistakes: tuple[MistakeRow, ...]
    variants: tuple[VariantRow, ...]
    problems: tuple[str, ...]
    wall_seconds: float

    def to_json(self) -> dict[str, Any]:
        """Plain builtins, ready for `json.dumps`."""
        return asdict(self)


def audit(
    checks: Sequence[Check],
    context_for: Callable[[Check], Context],
    catalogue: Catalogue,
    variants: Sequence[Variant] = (),
    told: Callable[[str], None] = lambda _: None,
) -> AuditReport:
    """Runs the checks against the right solution, every variant and every mistake.

    A check meets the replacements of those functions that it calls on the right solution; no
    other one can change its verdict. Prerequisites are ignored, so that no kill hides another.

    Args:
        checks: of the assignment.
        context_for: what a check may ask for.
        catalogue: the mistakes; its `make_subject({})` is the right solution.
        variants: honest ways of writing a function.
        told: what is tried next: the right solution, or the id of a variant or a mistake.
    """
    started = time.perf_counter()
    bench = _Bench(checks, context_for, catalogue, told)
    right = bench.right()
    passed = [_variant(_RIGHT, right), *(_variant(v.id, bench.with_replaced(v)) for v in variants)]
    outcomes = {mistake.id: bench.with_replaced(mistake) for mistake in catalogue.mistakes}
    mistakes = [_mistake(mistake, outcomes[mistake.id]) for mistake in catalogue.mistakes]
    rows = [_check(check, mistakes, right) for check in checks]
    problems = (
        *_of_variants(passed),
        *_of_mistakes(catalogue.mistakes, mistakes),
        *_of_checks(rows),
        *_broken(outcomes),
    )
    seconds = time.perf_counter() - started
    return AuditReport(tuple(rows), tuple(mistakes), tuple(passed), problems, seconds)


class _Bench:
    """Runs checks against the right solution with one function replaced at a time."""

    def __init__(
        self,
        checks: Sequence[Check],
        context_for: Callable[[Check], Context],
        catalogue: Catalogue,
        told: Callable[[str], None],
    ) -> None:
        self._checks = checks
        self._context_for = context_for
        self._catalogue = catalogue
        self._told = told
        self._calls: dict[str, set[str]] = {}

    def right(self) -> list[Verdict]:
        """Verdicts on the right solution; notes which names each check asks for."""
        self._told(_RIGHT)
        verdicts = []
        for check in self._checks:
            watched = Watched(self._catalogue.make_subject({}))
            verdicts.append(run_check(check, watched, self._context_for(check), self._catalogue))
            self._calls[check.name] = watched.asked
        return verdicts

    def with_replaced(self, entry: Mistake | Variant) -> list[Verdict]:
        """Verdicts of the checks that ask for what the entry stands in for."""
        self._told(entry.id)
        subject = self._catalogue.make_subject({entry.function: entry.code})
        return [
            run_check(check, subject, self._context_for(check), self._catalogue)
            for check in self._checks
            if entry.function in self._calls[check.name]
        ]


def _variant(name: str, verdicts: Sequence[Verdict]) -> VariantRow:
    failed = tuple(v.check for v in verdicts if v.verdict is not Outcome.PASSED)
    return VariantRow(name, bool(verdicts) and not failed, failed)


def _mistake(mistake: Mistake, verdicts: Sequence[Verdict]) -> MistakeRow:
    kills = [verdict for verdict in verdicts if verdict.verdict in _KILLS]
    names = dict.fromkeys(id for verdict in kills for id in verdict.mistakes)
    return MistakeRow(mistake.id, mistake.function, tuple(v.check for v in kills), tuple(names))


def _check(check: Check, mistakes: Sequence[MistakeRow], right: Sequence[Verdict]) -> CheckRow:
    return CheckRow(
        name=check.name,
        question=check.question,
        kills=tuple(mistake.id for mistake in mistakes if check.name in mistake.killed_by),
        false_fail=check.alpha,
        detectable=None if check.detects is None else str(check.detects),
        hidden=check.hidden,
        wall_seconds=sum(v.wall_seconds for v in right if v.check == check.name),
    )


def _of_variants(variants: Sequence[VariantRow]) -> Iterator[str]:
    for variant in variants:
        if variant.failed:
            yield f"{variant.id} is right and fails {', '.join(variant.failed)}"
        elif not variant.passed:
            yield f"{variant.id} meets no check: none asks for what it stands in for"


def _of_mistakes(catalogue: Sequence[Mistake], rows: Sequence[MistakeRow]) -> Iterator[str]:
    for mistake, row in zip(catalogue, rows, strict=True):
        if not row.killed_by:
            yield f"mistake {mistake.id} survives every check"
        for name in mistake.killed_by:
            if name not in row.killed_by:
                yield f"mistake {mistake.id} survives {name}, which its catalogue entry names"
        if row.named_as and mistake.id not in row.named_as:
            yield f"mistake {mistake.id} is taken for {', '.join(row.named_as)}"


def _of_checks(rows: Sequence[CheckRow]) -> Iterator[str]:
    for row in rows:
        if not row.kills:
            yield f"check {row.name} kills no mistake"


def _broken(outcomes: dict[str, list[Verdict]]) -> Iterator[str]:
    for mistake, verdicts in outcomes.items():
        for verdict in verdicts:
            if verdict.verdict is Outcome.INFRASTRUCTURE:
                last = str(verdict.evidence.get("traceback", "")).strip().rsplit("\n", 1)[-1]
                yield f"check {verdict.check} breaks on mistake {mistake}: {last}"
