"""What a check demands of an answer: each expectation holds, or raises with a sentence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from grader.checks.comparison import compare
from grader.checks.expected import Expected
from grader.checks.failure import CheckFailure
from grader.checks.recording import current, evidence, plain
from grader.checks.showing import kind, listed, named, number, show
from grader.checks.subject import Array
from grader.checks.verdict import Counterexample
from grader.errors import SubjectError


def expect(condition: Any, message: str, *, shows: Sequence[str] = (), **facts: Any) -> None:
    """Demands a condition.

    Args:
        condition: a truth value, a 0-d array of one, or an array of which all must be true.
        message: what the student reads if it does not hold.
        shows: ids of catalogued mistakes, one of which is proved if it does not hold.
        facts: evidence for a failure.
    """
    if not np.all(condition):
        raise CheckFailure(message, evidence=plain(facts), shows=shows)


def expect_close(
    answer: Any,
    expected: Any,
    *,
    given: Any = None,
    condition: Any = 1.0,
    message: str | None = None,
    function: str = "",
) -> None:
    """Demands the expected shape, kind of number and values, up to rounding.

    Args:
        answer: as it came from the subject.
        expected: an `Expected`, or plain numbers; an integer array is compared exactly.
        given: the inputs, by name or in order; shown in the counterexample.
        condition: condition number, where the formula amplifies rounding.
        message: replaces the sentence that tells the expected value.
        function: whose answer this is; the question's function by default.

    Raises:
        CheckFailure: the answer differs by more than 32 unit roundoffs of its scale.
        SubjectError: the answer is no number or array at all.
    """
    inputs = named(given)
    array = as_array(answer, function)
    difference = compare(array, expected, list(inputs.values()), condition)
    if difference is None:
        return
    secret = current().hidden and difference.expected is not None
    story = f"{_whose(inputs, function)} {'is wrong' if secret else difference.says}."
    if current().hidden:
        raise CheckFailure(f"{story} {message}" if message else story)
    if message is None and difference.expected is not None:
        what = (difference.meaning or "the expected value").strip()
        message = f"{what[0].upper()}{what[1:]} is {difference.expected.text}."
    shown = {name: show(value) for name, value in inputs.items()}
    example = Counterexample(_name(function), shown, show(array), difference.expected)
    raise CheckFailure(f"{story} {message}" if message else story, example)


def expect_shape(answer: Any, shape: tuple[int, ...], *, function: str = "") -> None:
    """Demands an array of this shape; no broadcasting."""
    array = as_array(answer, function)
    if array.shape != tuple(shape):
        raise CheckFailure(
            f"Your {_name(function)} has shape {array.shape} where {tuple(shape)} is expected."
        )


def expect_finite(answer: Any, *, given: Any = None, function: str = "") -> None:
    """Demands that nothing is NaN or infinite."""
    array = as_array(answer, function)
    bad = ~np.isfinite(array)
    if bad.any():
        inputs = named(given)
        first = number(float(array[bad][0]))
        raise CheckFailure(
            f"{_whose(inputs, function)} returned {first}"
            + (f" in {int(bad.sum())} of {array.size} places." if array.size > 1 else ".")
        )


def expect_increasing(answer: Any, *, name: str = "", function: str = "") -> None:
    """Demands that each value along the first axis lies above the one before it."""
    _expect_steps(as_array(answer, function), name or f"your {_name(function)}", "increase", 1)


def expect_decreasing(answer: Any, *, name: str = "", function: str = "") -> None:
    """Demands that each value along the first axis lies below the one before it."""
    _expect_steps(as_array(answer, function), name or f"your {_name(function)}", "decrease", -1)


def expect_between(
    answer: Any, low: float, high: float, *, name: str = "", function: str = ""
) -> None:
    """Demands that every value lies in [low, high]; NaN lies nowhere."""
    array = as_array(answer, function)
    outside = ~((array >= low) & (array <= high))
    if outside.any():
        what = name or f"your {_name(function)}"
        raise CheckFailure(
            f"{what[0].upper()}{what[1:]} holds {number(float(array[outside][0]))}, which lies "
            f"outside of [{number(low)}, {number(high)}]."
        )


def credit(fraction: float, message: str) -> None:
    """Ends the check with a share of its points, unless all are earned; NaN earns none.

    Args:
        fraction: share earned; 1 and more passes.
        message: why not all, for the student.
    """
    if fraction >= 1:
        return
    earned = float(fraction) if fraction > 0 else 0.0
    evidence(credit=earned)
    raise CheckFailure(message, fraction=earned)


def share(value: float, *, full: float, zero: float) -> float:
    """Share of the points at `value`: one at `full`, none at `zero`, linear between."""
    return float(np.clip((value - zero) / (full - zero), 0.0, 1.0))


def as_array(answer: Any, function: str = "") -> Array:
    """The answer as an array; a list of single numbers is the array that it could be.

    Raises:
        SubjectError: the call failed, or it returned something else than numbers.
    """
    if isinstance(answer, SubjectError):
        raise answer
    if isinstance(answer, bool | int | float | np.generic):
        return np.asarray(answer)
    if isinstance(answer, np.ndarray) and answer.dtype.kind in "biuf":
        return answer
    if isinstance(answer, list) and answer and all(map(_is_single, answer)):
        return np.stack([as_array(part).reshape(()) for part in answer])
    why = " Does it end with a return?" if answer is None else ""
    raise SubjectError(
        f"{_name(function)} returned {kind(answer)} where a tensor is expected.{why}"
    )


def _is_single(part: Any) -> bool:
    is_number = isinstance(part, int | float | np.generic)
    return is_number or (isinstance(part, np.ndarray) and part.size == 1)


def _expect_steps(array: Array, name: str, verb: str, sign: int) -> None:
    if array.ndim == 0:
        raise CheckFailure(
            f"{name[0].upper()}{name[1:]} is one number where a sequence is expected."
        )
    good = sign * np.diff(array.astype(np.float64), axis=0) > 0
    if not good.all():
        place = int(np.argwhere(~good)[0][0])
        raise CheckFailure(
            f"{name[0].upper()}{name[1:]} does not {verb} from index {place} to {place + 1}.",
            evidence={"first_index": place},
        )


def _name(function: str) -> str:
    return function or current().function or "code"


def _whose(inputs: dict[str, Any], function: str) -> str:
    """The subject of a sentence; a hidden check keeps its inputs to itself."""
    if not inputs:
        return f"Your {_name(function)}"
    where = "On an input that is not shown" if current().hidden else f"For {listed(inputs)}"
    return f"{where} your {_name(function)}"


__all__ = [
    "Expected",
    "as_array",
    "credit",
    "expect",
    "expect_between",
    "expect_close",
    "expect_decreasing",
    "expect_finite",
    "expect_increasing",
    "expect_shape",
    "share",
]
