"""Answers that follow from a student's own earlier functions, so that a mistake costs once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeAlias

import numpy as np

from assignments.vdm.bound import Consistency, KnownModel, LogDensity, bound
from assignments.vdm.definitions import (
    betas_of,
    chain,
    consistency,
    half_lost,
    log_density,
    weighted_error,
)
from grader.checks import Array, CheckFailure, Expected, Subject, as_array, evidence
from grader.errors import SubjectError

Expectations: TypeAlias = Sequence[Expected]
Judge: TypeAlias = Callable[[Expectations], None]
Own: TypeAlias = Callable[[], Expectations]


def judge_by_any(judge: Judge, right: Expectations, *ways: Own) -> None:
    """Judges by the right values, and where that fails by what follows from the student's own.

    A mistake costs its points once, where the function is asked for that it is made in.

    Args:
        judge: raises where the answers are not those expected.
        right: values.
        ways: each computes what the answers would be, built on some earlier function.

    Raises:
        CheckFailure: nothing explains the answers; it tells of the right ones.
    """
    try:
        judge(right)
    except (CheckFailure, SubjectError) as failure:
        if not any(_explains(judge, way) for way in ways):
            raise
        evidence(follows_from_own_functions=True, instead_of=str(failure))


def _explains(judge: Judge, way: Own) -> bool:
    try:
        judge(way())
    except (CheckFailure, SubjectError, ValueError, IndexError):
        return False
    return True


def _like(answer: object, right: Expected) -> Expected:
    """A student's number as something to expect; a wrong one has roundings of its own size.

    Raises:
        ValueError: it has another shape than the right one.
    """
    value = as_array(answer).astype(np.float64)
    if value.shape != right.value.shape:
        raise ValueError(f"shape {value.shape} where {right.value.shape} is expected")
    assert right.scale is not None
    return Expected(value, right.scale + np.abs(value), right.says)


def weights_of_own_ratio(
    subject: Subject, lefts: Sequence[Array], right: Expectations
) -> Expectations:
    """Weights from what the student's snr loses in each step."""
    ratios = [
        as_array(answer).astype(np.float64)
        for answer in subject.map("snr", [(left,) for left in lefts])
    ]
    return [_like(half_lost(r), e) for r, e in zip(ratios, right, strict=True)]


def own_weights(subject: Subject, lefts: Sequence[Array], right: Expectations) -> Expectations:
    """What the student's x0_loss_weights_from_snr gives."""
    answers = subject.map("x0_loss_weights_from_snr", [(left,) for left in lefts])
    return [_like(answer, e) for answer, e in zip(answers, right, strict=True)]


def own_weights_of_betas(
    subject: Subject, lefts: Sequence[Array], right: Expectations
) -> Expectations:
    """What the student's x0_loss_weights gives for the betas of a schedule."""
    given = [(betas_of(left).astype(left.dtype),) for left in lefts]
    answers = subject.map("x0_loss_weights", given)
    return [_like(answer, e) for answer, e in zip(answers, right, strict=True)]


OF_WEIGHTS = (own_weights, weights_of_own_ratio, own_weights_of_betas)


def consistency_of_own_weights(
    way: Callable[[Subject, Sequence[Array], Expectations], Expectations],
    subject: Subject,
    given: Sequence[tuple[Array, Expected, Array, Array]],
    right: Callable[[Array], Expected],
) -> Expectations:
    """Consistency of x0, prediction, t and alpha-bar under weights of the student's own."""
    lefts = [left for *_, left in given]
    found = way(subject, lefts, [right(left) for left in lefts])
    return [
        weighted_error(x0, guess, t, weight)
        for (x0, guess, t, _), weight in zip(given, found, strict=True)
    ]


def images_of_own_gaussian(
    subject: Subject, given: Sequence[tuple[Array, Array, Array]], right: Expectations
) -> Expectations:
    """What the student's signal_to_noise makes of each image's mean and covariance."""
    pairs = [_moments(*each) for each in given]
    answers = subject.map("signal_to_noise", pairs)
    return [_like(answer, e) for answer, e in zip(answers, right, strict=True)]


def _moments(x0: Array, t: Array, left: Array) -> tuple[Array, Array]:
    signal, variance = chain(betas_of(left))
    mean = signal[t - 1, np.newaxis] * x0.reshape(len(x0), -1)
    cov = variance[t - 1, np.newaxis, np.newaxis] * np.eye(mean.shape[1])
    return mean.astype(x0.dtype), cov.astype(x0.dtype)


def images_of_own_ratio(
    subject: Subject, given: Sequence[tuple[Array, Array, Array]], right: Expectations
) -> Expectations:
    """The student's snr at each image's t, times the mean power of a pixel."""
    answers = subject.map("snr", [(left,) for *_, left in given])
    return [
        _like(as_array(a)[t - 1] * (x0.reshape(len(x0), -1) ** 2).mean(axis=1), e)
        for a, (x0, t, _), e in zip(answers, given, right, strict=True)
    ]


def bounds_of_own_terms(
    subject: Subject,
    model: KnownModel,
    given: Sequence[tuple[Array, Array, Array, float]],
    names: frozenset[str],
) -> Expectations:
    """The bound's terms, three for each input, with the named functions of the student's."""
    density: LogDensity = log_density
    divergence: Consistency = consistency
    if "reconstruction_term" in names:
        density = partial(_own_density, subject)
    if "consistency_term" in names:
        divergence = partial(_own_consistency, subject)
    return [term for each in given for term in bound(model, *each, density, divergence)]


BUILT_OF = (
    frozenset({"reconstruction_term"}),
    frozenset({"consistency_term"}),
    frozenset({"reconstruction_term", "consistency_term"}),
)


def _own_density(subject: Subject, x0: Array, guess: Expected, variance: float) -> Expected:
    near = guess.value.astype(x0.dtype)
    answer = subject.call("reconstruction_term", x0, near, variance)
    return _like(answer, log_density(x0, guess, variance))


def _own_consistency(
    subject: Subject, x0: Array, guess: Expected, t: Array, left: Array
) -> Expected:
    near = guess.value.astype(x0.dtype)
    answer = subject.call("consistency_term", x0, near, t, left)
    return _like(answer, consistency(x0, guess, t, left))
