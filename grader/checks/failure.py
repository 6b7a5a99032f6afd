"""How a check says no."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from grader.checks.verdict import Counterexample


class CheckFailure(Exception):  # noqa: N818 - a decision about a submission, not an error of ours
    """The property does not hold, or holds in part.

    Args:
        message: what the student reads.
        counterexample: the smallest input on which the answer is wrong.
        evidence: plain facts behind the decision.
        fraction: share of the points still earned, in [0, 1).
        hint: said only when no catalogued mistake explains the answers.
        shows: ids of catalogued mistakes, one of which the evidence proves by itself; named where
            answers are drawn at random and tell nothing.
    """

    def __init__(
        self,
        message: str,
        counterexample: Counterexample | None = None,
        evidence: dict[str, Any] | None = None,
        fraction: float = 0.0,
        hint: str = "",
        shows: Sequence[str] = (),
    ) -> None:
        super().__init__(message)
        self.message = message
        self.counterexample = counterexample
        self.evidence = evidence or {}
        self.fraction = fraction
        self.hint = hint
        self.shows = tuple(shows)
