"""Masks in the forms that right solutions take them in.

The sheet's mask is boolean, (Q, K). Code that does arithmetic with it wants numbers, and code that
was written for batches wants the same mask with axes for examples and heads in front.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeAlias

import numpy as np

from assignments.attention.definitions import Right, as_large_as, first_of, wide
from grader.checks import Array, CheckFailure, Subject, as_array, evidence, expect_all_close
from grader.errors import SubjectError

Given: TypeAlias = Sequence[tuple[Any, ...]]
Form: TypeAlias = Callable[[tuple[Any, ...]], tuple[Any, ...]]


def answers_to(subject: Subject, function: str, given: Given) -> list[Any]:
    """Answers of a function; where a mask as the sheet has it makes it raise, others are tried."""
    answers = subject.map(function, given)
    errors = [answer for answer in answers if isinstance(answer, SubjectError)]
    if not errors or any(error.fault == "missing" for error in errors):
        return answers
    for form in (_as_numbers, *(form for each in _in_front(given) for form in _both(each))):
        others = subject.map(function, [form(each) for each in given])
        if not any(isinstance(answer, SubjectError) for answer in others):
            return others
    return answers


def from_own_weights(
    subject: Subject, given: Given, values: Sequence[Array], right: Right
) -> Right:
    """What the student's attention_weights make of the values.

    Args:
        subject: the student's code.
        given: queries, keys and, where there is one, a mask.
        values: for each of them.
        right: what honest weights give.

    Raises:
        SubjectError: there is no such function, or it returns no numbers.
        ValueError: an answer has another shape than weights.
    """
    answers = answers_to(subject, "attention_weights", given)
    made = [wide(as_array(answer)) @ wide(v) for answer, v in zip(answers, values, strict=True)]
    return [as_large_as(value, each) for value, each in zip(made, right, strict=True)]


def judge_masked(
    subject: Subject,
    function: str,
    given: Given,
    right: Right,
    judge: Callable[[list[Any]], None],
) -> None:
    """Judges answers to masked inputs; where they are wrong, masks of more axes may be meant.

    Raises:
        CheckFailure: the answers are wrong under each form; it tells of the sheet's own.
        SubjectError: there are none.
    """
    answers = first_of(answers_to(subject, function, given), right)
    try:
        judge(answers)
    except (CheckFailure, SubjectError):
        forms = (form for form in _in_front(given) if _fits(subject, function, given, right, form))
        if next(forms, None) is None:
            raise
        evidence(mask="right with axes for examples in front")


def _fits(subject: Subject, function: str, given: Given, right: Right, form: Form) -> bool:
    answers = first_of(subject.map(function, [form(each) for each in given]), right)
    try:
        expect_all_close(answers, right, given=given)
    except (CheckFailure, SubjectError):
        return False
    return True


def _in_front(given: Given) -> Iterator[Form]:
    """Forms with axes in front of the mask: as many as the first input has, and one for heads."""
    if not any(_is_mask(value) for each in given for value in each):
        return
    yield lambda each: _changed(each, lambda mask: _broadcast(mask, each[0].shape[:-2]))
    heads = all(any(isinstance(value, int) for value in each) for each in given)
    if heads:
        yield lambda each: _changed(each, lambda mask: _broadcast(mask, (*each[0].shape[:-2], 1)))


def _both(form: Form) -> tuple[Form, Form]:
    return form, lambda each: _as_numbers(form(each))


def _broadcast(mask: Array, axes: tuple[int, ...]) -> Array:
    return np.array(np.broadcast_to(mask, (*axes, *mask.shape)))


def _as_numbers(each: tuple[Any, ...]) -> tuple[Any, ...]:
    return _changed(each, lambda mask: mask.astype(np.float32))


def _changed(each: tuple[Any, ...], change: Callable[[Array], Array]) -> tuple[Any, ...]:
    return tuple(change(value) if _is_mask(value) else value for value in each)


def _is_mask(value: Any) -> bool:
    return isinstance(value, np.ndarray) and value.dtype == np.bool_
