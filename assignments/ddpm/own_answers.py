"""What students return, taken apart, and what follows from their own earlier functions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np

from grader.checks import Array, CheckFailure, Expected, Subject, as_array, evidence
from grader.errors import SubjectError


def named(names: Sequence[str], given: Sequence[Sequence[Array]]) -> list[dict[str, Array]]:
    """Inputs by the names of the arguments, for counterexamples."""
    return [dict(zip(names, each, strict=True)) for each in given]


def two_parts(
    answers: Sequence[Any], given: Sequence[Array], function: str
) -> tuple[list[Any], list[Any]]:
    """Means and variances out of answers; a variance is spread over the entries it holds for.

    Raises:
        CheckFailure: an answer is no pair, or its variance fits no example.
    """
    pairs = [_two(answer, x, function) for answer, x in zip(answers, given, strict=True)]
    return [mean for mean, _ in pairs], [variance for _, variance in pairs]


def _two(answer: Any, x: Array, function: str) -> tuple[Any, Any]:
    if isinstance(answer, SubjectError):
        return answer, answer
    if not (isinstance(answer, tuple | list) and len(answer) == 2):
        raise CheckFailure(f"Your {function} should return two tensors: a mean and a variance.")
    mean, variance = as_array(answer[0]), as_array(answer[1])
    if variance.shape == x.shape[:1]:
        variance = variance.reshape(-1, *[1] * (x.ndim - 1))
    fits = variance.ndim == x.ndim and all(
        size in (1, whole) for size, whole in zip(variance.shape[1:], x.shape[1:], strict=True)
    )
    if not (fits and len(variance) == len(x)):
        raise CheckFailure(
            f"The variance of your {function} has shape {variance.shape} for data of shape "
            f"{x.shape}."
        )
    return mean, np.broadcast_to(variance, x.shape)


Samples: TypeAlias = Sequence[Expected]


def judge_by_either(
    judge: Callable[[Samples], None], right: Samples, own: Callable[[], Samples]
) -> None:
    """Judges by the right x_t, and where that fails by what follows from the student's own.

    A mistake costs its points once, where the function is asked for that it is made in.

    Raises:
        CheckFailure: neither explains the answers; it tells of the right ones.
    """
    try:
        judge(right)
    except (CheckFailure, SubjectError) as failure:
        try:
            judge(own())
        except (CheckFailure, SubjectError, ValueError):
            raise failure from None
        evidence(follows_from_own_functions=True)


def own_samples(subject: Subject, given: Sequence[Sequence[Array]], right: Samples) -> Samples:
    """What the student's q_sample makes of x0, t, noise and alpha-bar.

    Raises:
        SubjectError: there is no such function, or it returns no numbers.
        ValueError: an answer has another shape than x_t.
    """
    return [
        _as_large_as(as_array(answer), sample)
        for answer, sample in zip(subject.map("q_sample", given), right, strict=True)
    ]


def samples_of_own_moments(
    subject: Subject, given: Sequence[Sequence[Array]], right: Samples
) -> Samples:
    """What x0, t, noise and alpha-bar give under the student's q_mean_variance.

    Raises:
        SubjectError: there is no such function, or it returns no numbers.
        CheckFailure: it returns no mean and variance.
        ValueError: an answer has another shape than x_t.
    """
    answers = subject.map("q_mean_variance", [(x0, t, left) for x0, t, _, left in given])
    means, variances = two_parts(answers, [x0 for x0, *_ in given], "q_mean_variance")
    return [
        _as_large_as(as_array(mean) + np.sqrt(np.maximum(variance, 0)) * noise, sample)
        for mean, variance, (_, _, noise, _), sample in zip(
            means, map(as_array, variances), given, right, strict=True
        )
    ]


def _as_large_as(value: Array, right: Expected) -> Expected:
    if value.shape != right.value.shape:
        raise ValueError(f"x_t has shape {value.shape} where {right.value.shape} is expected")
    assert right.scale is not None
    # A wrong x_t has roundings of its own size.
    return Expected(value, right.scale + np.abs(value), right.says)
