"""What a page says about one check: the decision, the counterexample, and how sure it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from grader.checks.verdict import Counterexample, Outcome, Shown, Verdict
from grader.effective import NOT_PUBLIC
from reports.outcome import Look, look
from reports.typeset import duration, fact, label, number, points, prose, shape


@dataclass(frozen=True, slots=True)
class Value:
    """One row of a counterexample."""

    role: str
    name: str
    text: str
    shape: str
    dtype: str


@dataclass(frozen=True, slots=True)
class Example:
    """The smallest failing input: a call, what went in, what came out, what was expected."""

    function: str
    arguments: tuple[str, ...]
    values: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Named:
    """A catalogued mistake with its sentence for students."""

    id: str
    says: str


@dataclass(frozen=True, slots=True)
class Fact:
    """One line of evidence."""

    name: str
    text: str
    code: bool = False


@dataclass(frozen=True, slots=True)
class CheckView:
    """One check on the student's page."""

    look: Look
    title: str
    points: str
    max_points: str
    message: str
    hidden: bool
    named: tuple[Named, ...]
    example: Example | None
    meaning: str
    evidence: tuple[Fact, ...]


def view(verdict: Verdict, catalogue: Mapping[str, str]) -> CheckView:
    """A verdict as it stands on the page."""
    disclosed = verdict.check != NOT_PUBLIC
    named = tuple(Named(label(m), prose(catalogue.get(m, ""))) for m in verdict.mistakes[:8])
    return CheckView(
        look=look(verdict.verdict),
        title=label(verdict.title or verdict.check.replace("_", " "), 200).rstrip("."),
        points=points(verdict.points),
        max_points=points(verdict.max_points),
        message=_without(prose(verdict.message), named),
        hidden=verdict.hidden and disclosed,
        named=named,
        example=_example(verdict.counterexample) if verdict.counterexample else None,
        meaning=_meaning(verdict) if disclosed else "",
        evidence=_evidence(verdict) if disclosed else (),
    )


def _without(message: str, named: tuple[Named, ...]) -> str:
    """The message less the sentences that stand beneath it, each beside its mistake's name."""
    if len(named) == 1 and named[0].says:
        message = message.replace(named[0].says, "")
    return message.strip()


def _example(example: Counterexample) -> Example:
    given = tuple(_value("given", name, v) for name, v in list(example.given.items())[:12])
    answers = (("returned", example.returned), ("expected", example.expected))
    return Example(
        function=label(example.function),
        arguments=tuple(value.name for value in given),
        values=given + tuple(_value(role, "", v) for role, v in answers if v is not None),
    )


def _value(role: str, name: str, value: Shown) -> Value:
    text = prose(value.text, 1200)
    return Value(role, label(name, 40), text, shape(value.shape), label(value.dtype or "", 24))


def _meaning(verdict: Verdict) -> str:
    if verdict.verdict is not Outcome.PASSED or verdict.by:
        return ""
    if verdict.detectable:
        bound = label(verdict.detectable, 200)
        return f"None of the listed mistakes, and no deviation above {bound}."
    return "None of the listed mistakes, and no deviation on the inputs tried."


def _evidence(verdict: Verdict) -> tuple[Fact, ...]:
    facts = [
        Fact(label(name).replace("_", " ").capitalize(), fact(value))
        for name, value in list(verdict.evidence.items())[:24]
    ]
    if verdict.by:
        return tuple(facts)
    if verdict.verdict in (Outcome.PASSED, Outcome.FAILED, Outcome.PARTIAL):
        facts.append(Fact("A right answer fails", _false_fail(verdict.false_fail)))
    if verdict.detectable:
        facts.append(Fact("Detectable discrepancy", label(verdict.detectable, 200)))
    facts.append(Fact("Check", label(verdict.check), code=True))
    if verdict.replay:
        facts.append(Fact("Seed and replay token", label(verdict.replay, 400), code=True))
    if verdict.wall_seconds:
        facts.append(Fact("Took", duration(verdict.wall_seconds)))
    return tuple(facts)


def _false_fail(bound: float) -> str:
    return (
        f"with probability below {number(bound)}" if bound else "never: the check is deterministic"
    )
