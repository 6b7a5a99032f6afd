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
from grader.checks import Array, Expected, Subject, as_array, like

Expectations: TypeAlias = Sequence[Expected]


def weights_of_own_ratio(
    subject: Subject, lefts: Sequence[Array], right: Expectations
) -> Expectations:
    """Weights from what the student's snr loses in each step."""
    ratios = [
        as_array(answer).astype(np.float64)
        for answer in subject.map("snr", [(left,) for left in lefts])
    ]
    return [like(half_lost(r), e) for r, e in zip(ratios, right, strict=True)]


def own_weights(subject: Subject, lefts: Sequence[Array], right: Expectations) -> Expectations:
    """What the student's x0_loss_weights_from_snr gives."""
    answers = subject.map("x0_loss_weights_from_snr", [(left,) for left in lefts])
    return [like(answer, e) for answer, e in zip(answers, right, strict=True)]


def own_weights_of_betas(
    subject: Subject, lefts: Sequence[Array], right: Expectations
) -> Expectations:
    """What the student's x0_loss_weights gives for the betas of a schedule."""
    given = [(betas_of(left).astype(left.dtype),) for left in lefts]
    answers = subject.map("x0_loss_weights", given)
    return [like(answer, e) for answer, e in zip(answers, right, strict=True)]


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
    return [like(answer, e) for answer, e in zip(answers, right, strict=True)]


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
        like(as_array(a)[t - 1] * (x0.reshape(len(x0), -1) ** 2).mean(axis=1), e)
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
    return like(answer, log_density(x0, guess, variance))


def _own_consistency(
    subject: Subject, x0: Array, guess: Expected, t: Array, left: Array
) -> Expected:
    near = guess.value.astype(x0.dtype)
    answer = subject.call("consistency_term", x0, near, t, left)
    return like(answer, consistency(x0, guess, t, left))
