"""What a check says about one property of one submission."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields
from enum import StrEnum
from typing import Any


class Outcome(StrEnum):
    """How a check ended. Only PASSED and PARTIAL earn points."""

    PASSED = "passed"
    FAILED = "failed"
    PARTIAL = "partial"
    ERROR = "error"
    TIMEOUT = "timeout"
    MEMORY = "memory"
    MISSING = "missing"
    SKIPPED = "skipped"
    MANUAL = "manual"
    INFRASTRUCTURE = "infrastructure"


@dataclass(frozen=True, slots=True)
class Shown:
    """One value as people read it: rounded text with the shape and dtype beside it."""

    text: str
    shape: tuple[int, ...] | None = None
    dtype: str | None = None


@dataclass(frozen=True, slots=True)
class Counterexample:
    """The smallest input on which the student's answer is wrong.

    `expected` is empty where showing it would give a hidden value away.
    """

    function: str
    given: dict[str, Shown]
    returned: Shown | None = None
    expected: Shown | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """One check's decision with its points, its evidence and how sure it is.

    Attributes:
        question: id of the question in the assignment's TOML.
        check: name of the check function.
        verdict: how it ended.
        points: points earned, at most `max_points`.
        title: first line of the check's docstring: what it demands.
        message: what the student reads; teaches without giving the answer away.
        mistakes: ids of catalogued mistakes that reproduce the student's outputs.
        false_fail: bound on the probability that a right answer fails; 0 if deterministic.
        detectable: the smallest deviation caught with probability 1 - 1e-6, in words.
        evidence: plain facts behind the decision (inputs tried, statistic, n, tolerance).
        hidden: whether the check is unknown to students, so that reports can keep it so.
        replay: token that reproduces this verdict alone.
        by: the person who decided; empty where a program did.
        overruled: what the checks had said where a person decided otherwise; earns nothing.
    """

    question: str
    check: str
    verdict: Outcome
    points: float
    max_points: float
    title: str = ""
    message: str = ""
    counterexample: Counterexample | None = None
    mistakes: tuple[str, ...] = ()
    false_fail: float = 0.0
    detectable: str | None = None
    evidence: dict[str, Any] = field(default_factory=dict)
    hidden: bool = False
    replay: str | None = None
    wall_seconds: float = 0.0
    by: str = ""
    overruled: tuple[Verdict, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Plain builtins, ready for `json.dumps`; evidence is the verdict's own, not a copy."""
        example = self.counterexample
        return {field.name: getattr(self, field.name) for field in fields(self)} | {
            "counterexample": None if example is None else asdict(example),
            "overruled": [verdict.to_json() for verdict in self.overruled],
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Verdict:
        """The inverse of `to_json`."""
        example = data.get("counterexample")
        return cls(
            **{
                **data,
                "verdict": Outcome(data["verdict"]),
                "mistakes": tuple(data["mistakes"]),
                "counterexample": None if example is None else _counterexample(example),
                "overruled": tuple(map(cls.from_json, data.get("overruled", ()))),
            }
        )


def _counterexample(data: dict[str, Any]) -> Counterexample:
    return Counterexample(
        function=data["function"],
        given={name: _shown(value) for name, value in data["given"].items()},
        returned=_shown(data["returned"]) if data["returned"] else None,
        expected=_shown(data["expected"]) if data["expected"] else None,
    )


def _shown(data: dict[str, Any]) -> Shown:
    shape = data["shape"]
    return Shown(data["text"], None if shape is None else tuple(shape), data["dtype"])
