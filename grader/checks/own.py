"""Judging by what follows from a student's own functions, so that a mistake costs once."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from grader.checks.expectations import as_array
from grader.checks.expected import Expected
from grader.checks.failure import CheckFailure
from grader.checks.recording import evidence
from grader.errors import SubjectError


def judge_by_any(
    judge: Callable[[Any], None], right: Any, ways: Iterable[Callable[[], Any]]
) -> None:
    """Judges by what is right, and where that fails by what follows from the student's own.

    A mistake costs its points once, where the function is asked for that it is made in.

    Args:
        judge: raises where the answers are not those expected.
        right: what to expect.
        ways: each computes what would follow from some earlier function of the student's; none
            is asked for before the right values have failed. A way that fails explains nothing.

    Raises:
        CheckFailure: nothing explains the answers; it tells of the right values.
        SubjectError: the same, where there are no answers to judge.
    """
    try:
        judge(right)
    except (CheckFailure, SubjectError) as failure:
        if not any(_explains(judge, way) for way in ways):
            raise
        evidence(follows_from_own_functions=True, instead_of=str(failure))


def _explains(judge: Callable[[Any], None], way: Callable[[], Any]) -> bool:
    try:
        judge(way())
    except (CheckFailure, SubjectError, ValueError, IndexError):
        return False
    return True


def like(answer: object, right: Expected) -> Expected:
    """A student's numbers as something to expect; wrong ones have roundings of their own size.

    Args:
        answer: of a function that others build on.
        right: the values in its place, with the size that rounding is measured by.

    Raises:
        SubjectError: the answer is no numbers.
        ValueError: it holds more numbers than the right values, or fewer.
    """
    value = as_array(answer).astype(np.float64)
    if value.size != right.value.size:
        raise ValueError(f"shape {value.shape} where {right.value.shape} is expected")
    assert right.scale is not None
    scale = right.scale
    if value.shape != scale.shape:  # transposed, or with an axis too many: whose size is whose?
        scale = np.full(value.shape, np.max(scale, initial=0.0))
    return Expected(value, scale + np.abs(value), right.says)
