"""A search for the smallest input on which an answer is wrong, where the ladder ends."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import TypeVar

from hypothesis import HealthCheck, Phase, Verbosity, find, settings
from hypothesis.errors import Flaky, NoSuchExample
from hypothesis.strategies import SearchStrategy

from grader.checks.recording import evidence
from grader.errors import SubjectError

Example = TypeVar("Example")


def search(
    strategy: SearchStrategy[Example],
    holds: Callable[[Example], bool],
    *,
    seed: int,
    max_examples: int = 200,
) -> Example | None:
    """The smallest input found on which a property does not hold, or None.

    Args:
        strategy: inputs, such as shapes and values beyond the ladder.
        holds: whether the property holds; it must not draw anything, since a statistical test
            repeated over examples and shrinks fails right code.
        seed: from the check's context.
        max_examples: inputs tried before giving up.

    Raises:
        SubjectError: the student's code raised, or answered one input in two ways.
    """
    quiet = settings(
        max_examples=max_examples,
        database=None,
        deadline=None,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
        verbosity=Verbosity.quiet,
    )
    evidence(search_inputs_at_most=max_examples)
    try:
        return find(strategy, lambda e: not holds(e), settings=quiet, random=Random(seed))
    except NoSuchExample:
        return None
    except Flaky as error:
        raise SubjectError(
            "two calls with the same input gave different answers; does the function keep "
            "something between calls?"
        ) from error
