"""Many inputs judged by few calls: what is right row by row is right for a stack of rows.

A ladder has hundreds of rungs, so that the first wrong one is the smallest counterexample. A right
answer needs no counterexample: nearly all of the time of such a check went into calling functions
that are right with a few numbers each.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np

from grader.checks.failure import CheckFailure
from grader.checks.recording import evidence
from grader.checks.subject import Array
from grader.errors import SubjectError

_Rows = TypeVar("_Rows", bound=tuple[Array, ...])
# Prime, so that rungs asked alone differ in their place among those of their shape.
ONE_IN = 13


def judge_stacked(judge: Callable[[Sequence[_Rows]], None], inputs: Sequence[_Rows]) -> None:
    """Judges stacks of all rows, and one input in thirteen alone; every input if those are wrong.

    A mistake in a formula is in the stacks, which hold every row, and one in how rows are put
    together is in the inputs alone, which are of every shape. What is in neither depends on the
    values of a row and on which rows stand beside it, at once. Where something is wrong, every
    input alone decides: a failure has its smallest counterexample and is never about a stack, and
    a function for small batches only passes.

    Args:
        judge: asks for the answers to inputs and raises `CheckFailure` or `SubjectError` where one
            is wrong; compares without a statistical test, whose alpha would be spent twice.
        inputs: float arrays whose last axis is one row, all of one input of the same shape.

    Raises:
        CheckFailure, SubjectError: from `judge`, about `inputs`.
    """
    try:
        judge([*inputs[::ONE_IN], *stacks(inputs)])
    except SubjectError as error:
        if error.fault != "error":  # what took too long or too much memory is not asked more
            raise
        judge(inputs)
    except CheckFailure:
        judge(inputs)
    evidence(inputs_tried=len(inputs))


def stacks(inputs: Sequence[_Rows]) -> list[_Rows]:
    """All rows of one width in one input, narrowest first."""
    by_width: dict[int, list[_Rows]] = {}
    for given in inputs:
        by_width.setdefault(given[0].shape[-1], []).append(given)
    return [_stacked(by_width[width]) for width in sorted(by_width)]


def _stacked(same: Sequence[_Rows]) -> _Rows:
    width, kind = same[0][0].shape[-1], type(same[0])
    columns = [
        np.concatenate([part.reshape(-1, width) for part in parts])
        for parts in zip(*same, strict=True)
    ]
    make = getattr(kind, "_make", kind)  # a named tuple stays one
    made: _Rows = make(columns)
    return made
