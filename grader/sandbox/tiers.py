"""The tiers by name, strongest first, and the choice among them."""

from __future__ import annotations

from grader.errors import UsageError
from grader.sandbox.bubblewrap import Bubblewrap
from grader.sandbox.plain import Plain
from grader.sandbox.spec import Tier
from grader.sandbox.warm import Warm

TIERS: dict[str, Tier] = {tier.name: tier for tier in (Warm(), Bubblewrap(), Plain())}


def choose(name: str) -> Tier:
    """The tier of that name, or for `auto` the strongest that works here.

    Raises:
        UsageError: it does not work here; the message says what to install. `auto` never falls
            back to `none`: grading without a sandbox has to be asked for.
    """
    if name != "auto":
        return _working(_named(name))
    reasons = []
    for tier in TIERS.values():
        if tier.name == "none":
            continue
        problem = tier.problem()
        if problem is None:
            return tier
        reasons.append(problem)
    raise UsageError(
        f"no sandbox: {'; '.join(reasons)}. To run students' code unprotected on this machine "
        "all the same: --isolation none"
    )


def _named(name: str) -> Tier:
    if name not in TIERS:
        raise UsageError(
            f"{name} isolation is not available in this version: choose one of "
            f"{', '.join(TIERS)}, or auto"
        )
    return TIERS[name]


def _working(tier: Tier) -> Tier:
    problem = tier.problem()
    if problem is not None:
        raise UsageError(f"isolation {tier.name} does not work here: {problem}")
    return tier
