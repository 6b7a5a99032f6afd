"""How an answer differs from what is expected: shape first, then kind, then values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from grader.checks.expected import Expected, precision
from grader.checks.showing import number, show
from grader.checks.subject import Array
from grader.checks.verdict import Shown

_KINDS = {"b": "truth values", "i": "integers", "u": "integers", "f": "floating point numbers"}


@dataclass(frozen=True, slots=True)
class Difference:
    """One disagreement.

    Attributes:
        says: predicate of the sentence "your KLD ...".
        expected: the right value; None where shape or kind is what differs.
        meaning: what the right value is, in the author's words.
    """

    says: str
    expected: Shown | None = None
    meaning: str = ""


def compare(
    answer: Array, expected: Any, given: list[Any], condition: Any = 1.0
) -> Difference | None:
    """The first way in which the answer differs, or None.

    Args:
        answer: numbers.
        expected: an `Expected` or plain numbers; integer arrays are compared exactly.
        given: the inputs, whose precision bounds the answer's.
        condition: condition number of the formula.
    """
    exact = isinstance(expected, np.ndarray | np.generic) and expected.dtype.kind in "biu"
    right = np.asarray(expected) if exact else _as_expected(expected).value
    if answer.shape != right.shape:
        return Difference(_shapes(answer.shape, right.shape))
    if not _same_kind(answer, right):
        return Difference(
            f"has dtype {answer.dtype} where {_KINDS.get(right.dtype.kind, 'numbers')} are expected"
        )
    if exact:
        return _values(answer, right, answer == right)
    target = _as_expected(expected)
    with np.errstate(invalid="ignore", over="ignore"):
        error = np.abs(answer - right)
        good = error <= target.tolerance(precision(answer, given), condition)
    return _values(answer, right, good | (answer == right), target.says)


def _as_expected(expected: Any) -> Expected:
    return expected if isinstance(expected, Expected) else Expected(expected)


def _shapes(found: tuple[int, ...], wanted: tuple[int, ...]) -> str:
    says = f"has shape {found} where {wanted} is expected"
    try:
        together = np.broadcast_shapes(found, wanted)
    except ValueError:
        return says
    return f"{says}; broadcasting the two to {together} would hide that"


def _same_kind(answer: Array, right: Array) -> bool:
    integers = "iu"
    if right.dtype.kind in integers:
        return answer.dtype.kind in integers
    if right.dtype.kind == "f" and answer.ndim == 0:
        return answer.dtype.kind in "iuf"  # a plain 0 is a fine answer for 0.0
    return answer.dtype.kind == right.dtype.kind


def _values(answer: Array, right: Array, good: Array, meaning: str = "") -> Difference | None:
    if good.all():
        return None
    if answer.size <= 12:
        return Difference(f"returned {show(answer).text}", show(right), meaning)
    bad = ~good
    place = tuple(int(i) for i in np.argwhere(bad)[0])
    found, wanted = number(answer[place].item()), number(right[place].item())
    where = f"is wrong at {int(bad.sum())} of {answer.size} places; at index {place} it is {found}"
    return Difference(where, Shown(wanted), f"the value expected at index {place}")
