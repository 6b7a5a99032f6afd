"""A sequential test for samplers that can only be asked one small batch at a time.

Against each wrong law k the likelihood ratio e_k of the data is a martingale under the right law,
and so is the mean of all e_k. By Ville's inequality that mean ever reaches 1/alpha with probability
at most alpha: the decision holds however often one looks. Conversely 1/e_k is a martingale
under wrong law k, so passing once every e_k has fallen to beta passes law k with probability at
most beta.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from grader.checks.failure import CheckFailure
from grader.checks.recording import current, evidence, spend
from grader.checks.subject import Array

# Log density of every draw in a batch, shape (n,), in nats.
LogDensity = Callable[[Any], Array]


@dataclass(frozen=True, slots=True)
class Decision:
    """How the test ended.

    Attributes:
        outcome: `undecided` when the batches ran out, which counts for the student.
        n: draws looked at.
        log_ratios: log e_k by wrong law.
    """

    outcome: Literal["pass", "fail", "undecided"]
    n: int
    log_ratios: dict[str, float]

    @property
    def nearest(self) -> str:
        """The wrong law that explains the draws best."""
        return max(self.log_ratios, key=self.log_ratios.__getitem__)


def decide(
    batches: Iterable[Any],
    right: LogDensity,
    wrong: Mapping[str, LogDensity],
    *,
    alpha: float = 1e-9,
    beta: float = 1e-6,
) -> Decision:
    """Looks at batches until they fail the right law or exclude every wrong one.

    Args:
        batches: independent batches of draws; consumed only as far as needed.
        right: log density under the right law.
        wrong: log density under each catalogued wrong law.
        alpha: bound on the probability that the right law fails.
        beta: bound, for each wrong law, on the probability that it passes.
    """
    totals, n = np.zeros(len(wrong)), 0
    for batch in batches:
        null = np.asarray(right(batch), dtype=np.float64)
        n += null.size
        if not np.isfinite(null).all():  # impossible under the right law
            return Decision("fail", n, dict.fromkeys(wrong, math.inf))
        totals += [np.sum(density(batch) - null) for density in wrong.values()]
        ratios = dict(zip(wrong, totals.tolist(), strict=True))
        if np.logaddexp.reduce(totals) - math.log(len(totals)) >= -math.log(alpha):
            return Decision("fail", n, ratios)
        if np.all(totals <= math.log(beta)):
            return Decision("pass", n, ratios)
    return Decision("undecided", n, dict(zip(wrong, totals.tolist(), strict=True)))


def expect_law(
    batches: Iterable[Any],
    right: LogDensity,
    wrong: Mapping[str, LogDensity],
    *,
    alpha: float = 1e-9,
    beta: float = 1e-6,
    function: str = "",
) -> None:
    """Demands draws from the right law; when the batches run out the student gets the benefit.

    Raises:
        CheckFailure: the draws follow another law.
    """
    spend(alpha)
    decision = decide(batches, right, wrong, alpha=alpha, beta=beta)
    evidence(outcome=decision.outcome, n=decision.n, alpha=alpha, log_ratios=decision.log_ratios)
    if decision.outcome == "fail":
        name = function or current().function or "code"
        raise CheckFailure(
            f"The samples of your {name} do not follow their law: another one explains "
            f"{decision.n} draws {1 / alpha:,.0f} times better.",
            evidence={"nearest_law": decision.nearest},
        )
