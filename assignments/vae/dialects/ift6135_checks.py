"""Checks that only the IFT6135 sheet asks for: densities, log-mean-exp and two ways to a KL."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from scipy import special

from assignments.vae.dialects.densities import divergence, log_density, log_mean_exp, rows
from assignments.vae.dialects.right_densities import IFT6135
from assignments.vae.dialects.right_ones import forgiving
from grader.checks import (
    Array,
    Detectable,
    Expected,
    Subject,
    as_array,
    check,
    evidence,
    expect,
    expect_all_close,
    expect_shape,
    expect_standard_normal,
)
from grader.checks.exact_null import detects

SHAPES = ((1, 1), (1, 3), (2, 1), (2, 3), (3, 3), (4, 2), (3, 7))


@check("log-bernoulli", points=3)
def bernoulli_is_the_log_probability(subject: Subject) -> None:
    """Log p(x) of binary pixels, summed over the pixels: one number for each image."""
    inputs, expected = [], []
    for shape in SHAPES:
        for start in range(5):
            mu = rows(shape, start, (0.5, 0.25, 0.75, 0.375, 0.9375, 0.125))
            target = rows(shape, start, (1.0, 0.0, 0.0, 1.0, 1.0))
            inputs.append((mu, target))
            chosen = np.log(np.where(target == 1, mu.astype(np.float64), 1 - mu.astype(np.float64)))
            # A guard such as 1e-7 within the logarithm is no mistake: each pixel rounds one, too.
            scale = np.abs(chosen).sum(axis=1) + shape[1]
            expected.append(Expected(chosen.sum(axis=1), scale, "the log-probability of the image"))
    expect_all_close(subject.map("log_likelihood_bernoulli", inputs), expected, given=inputs)


def gaussians() -> list[tuple[Array, ...]]:
    """Means, log variances and points, simplest first."""
    made: list[tuple[Array, ...]] = [
        tuple(np.zeros((3, *shape), np.float32)) for shape in SHAPES[:2]
    ]
    made += [
        (rows(shape, start), rows(shape, start + 2), rows(shape, start + 5))
        for shape in SHAPES
        for start in range(5)
    ]
    return made


@check("log-normal", points=4)
def normal_is_the_log_density(subject: Subject) -> None:
    """Log N(z; mu, exp(logvar)), summed over the dimensions: one number for each row."""
    inputs = gaussians()
    expected = [log_density(z, mu, np.exp(logvar.astype("f8"))) for mu, logvar, z in inputs]
    expect_all_close(subject.map("log_likelihood_normal", inputs), expected, given=inputs)


@check("log-mean-exp", points=2.5)
def log_mean_exp_averages_exponentials(subject: Subject) -> None:
    """The logarithm of the mean of the exponentials over the second axis, for each row."""
    inputs = [(rows(shape, start),) for shape in SHAPES for start in range(5)]
    expected = [log_mean_exp(y) for (y,) in inputs]
    expect_all_close(subject.map("log_mean_exp", inputs), expected, given=inputs)


@check("log-mean-exp", points=1.5)
def log_mean_exp_stays_finite(subject: Subject) -> None:
    """Log-probabilities of images lie in the thousands, and far apart from row to row or in one."""
    moved = np.asarray([[-2000.0], [0.0], [3000.0]], np.float32)
    inputs = [(rows((3, size), start) + moved,) for size in (2, 3, 5) for start in range(3)]
    # A row's mean is no help here, its maximum is.
    inputs.append((np.asarray([[-200, 200, 0], [0, -1000, -1000], [300, 0, 0]], np.float32),))
    answers = subject.map("log_mean_exp", inputs)
    finite = [np.isfinite(as_array(answer)).all() for answer in answers]
    expect(finite, "Your log_mean_exp is not finite: how large do its exponentials become?")
    expect_all_close(answers, [log_mean_exp(y) for (y,) in inputs], given=inputs)


def pairs() -> list[tuple[Array, ...]]:
    """Means and log variances of q and p, simplest first."""
    made: list[tuple[Array, ...]] = [
        tuple(np.zeros((4, *shape), np.float32)) for shape in SHAPES[:2]
    ]
    for shape in SHAPES:
        zeros = np.zeros(shape, np.float32)
        made += [(zeros + 1, zeros, zeros, zeros), (zeros, zeros + 1, zeros, zeros)]
        made += [(zeros, zeros, zeros + 2, zeros), (zeros, zeros, zeros, zeros + 1)]
        made += [tuple(rows(shape, start + step) for step in (0, 2, 3, 5)) for start in range(4)]
    return made


@check("kl-analytic", points=4)
def kl_is_the_expected_log_ratio_of_two(subject: Subject) -> None:
    """KL(q || p) is E_q[log q(z) - log p(z)], summed over the dimensions, for each row."""
    inputs = pairs()
    expected = [
        divergence(mu_q, np.exp(logvar_q.astype("f8")), mu_p, np.exp(logvar_p.astype("f8")))
        for mu_q, logvar_q, mu_p, logvar_p in inputs
    ]
    answers = subject.map("kl_gaussian_gaussian_analytic", inputs)
    expect_all_close(answers, expected, given=inputs)


ALPHA, CALLS, SAMPLES, SIZE = 1e-9, 128, 8, 3
# Where both variances are v, log q - log p is delta^2 / 2 + delta eps; delta counts the standard
# deviations between the means.
DELTA, VARIANCE = np.asarray([[1.0, -0.5, 1.5]]), 0.25
# Where both means are equal, it is a constant plus (v_q / v_p - 1) eps^2 / 2.
RATIO = 4.0


@check(
    "kl-mc",
    points=3.5,
    alpha=ALPHA,
    detects=detects(
        (CALLS, 2),
        ALPHA / 2,  # the other half is for what follows from an own log_likelihood_normal
        {
            "kl-mc/one-sample-only": ("std", math.sqrt(SAMPLES) - 1),
            "kl-mc/analytic": ("std", 1.0),
            "kl-mc/no-noise": ("std", 1.0),
        },
    ),
)
@forgiving(IFT6135)
def estimates_follow_their_law(subject: Subject, seed: Callable[[str], int]) -> None:
    """An estimate is the average of log q - log p over num_samples draws of q."""
    moved, widened = _moved(np.ones((1, 1))), _widened()
    first = _estimates(subject, moved, seed("moved"))
    size = float((DELTA**2).sum())
    of_means = (first - size / 2) / math.sqrt(size / SAMPLES)
    second = _estimates(subject, widened, seed("widened"))
    # The sum of the squared noise is chi-square.
    squares = SAMPLES * (2 * second + SIZE * math.log(RATIO)) / (RATIO - 1)
    degrees = SAMPLES * SIZE
    squares = np.maximum(squares, 0)  # what no noise explains is infinitely far off
    below, above = special.chdtr(degrees, squares), special.chdtrc(degrees, squares)
    of_spreads = np.where(below < above, special.ndtri(below), -special.ndtri(above))
    expect_standard_normal(np.stack([of_means, of_spreads], axis=1), alpha=ALPHA / 2)


def _moved(sizes: Array) -> tuple[Array, ...]:
    """Q and p that differ in their means by `sizes` (B, 1) times DELTA standard deviations."""
    delta = sizes * DELTA
    mu_p = np.broadcast_to([[0.5, -1.0, 2.0]], delta.shape)
    logvar = np.full(delta.shape, math.log(VARIANCE))
    parts = (mu_p + delta * math.sqrt(VARIANCE), logvar, mu_p, logvar)
    return tuple(part.astype(np.float32) for part in parts)


def _widened() -> tuple[Array, ...]:
    mean, narrow = np.asarray([[0.5, -1.0, 2.0]], np.float32), np.zeros((1, SIZE), np.float32)
    return mean, narrow + np.float32(math.log(RATIO)), mean, narrow


def _estimates(subject: Subject, given: tuple[Array, ...], start: int) -> Array:
    """One estimate from each of many calls, shape (CALLS,)."""
    seeds = range(start % 2**31, start % 2**31 + CALLS)
    answers = subject.repeat("kl_gaussian_gaussian_mc", *given, SAMPLES, seeds=seeds)
    for answer in answers:
        expect_shape(answer, (1,))
    return np.concatenate([as_array(answer) for answer in answers]).astype(np.float64)


SIZES = np.asarray([[1.0], [8.0], [0.0], [3.0]])
# A normal number this many standard deviations off has probability ALPHA / 4, and is met with
# probability 1 - 1e-6 where the mean is 4.8 more of them away.
FURTHEST = float(-special.ndtri(ALPHA / 8))


@check(
    "kl-mc",
    points=1.5,
    alpha=ALPHA,
    detects=Detectable(n=4, deviations={"standard deviations": FURTHEST + 4.8}),
)
@forgiving(IFT6135)
def every_row_has_its_own_estimate(subject: Subject, seed: Callable[[str], int]) -> None:
    """A batch of pairs of Gaussians has one estimate each, all of them about their own KL."""
    samples = 64
    given = _moved(SIZES)
    answer = subject.call("kl_gaussian_gaussian_mc", *given, samples, seed=seed("rows"))
    expect_shape(answer, (len(SIZES),))
    found = as_array(answer).astype(np.float64)
    size = (SIZES**2 * (DELTA**2).sum()).ravel()
    reach = FURTHEST * np.sqrt(size / samples) + 1e-3  # float32, where q is p
    evidence(n=len(SIZES), alpha=ALPHA, estimates=found.tolist())
    expect(
        np.abs(found - size / 2) <= reach,
        "An estimate lies further from its KL than chance explains: are rows, samples and "
        "dimensions kept apart?",
        kl=(size / 2).tolist(),
    )
