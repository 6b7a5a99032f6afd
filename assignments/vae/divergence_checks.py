"""Checks of divergences: of two Gaussians, and to the unit Gaussian."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from assignments.vae.definitions import (
    kl_of_two,
    kl_slopes,
    kl_to_prior,
    scale_of,
)
from grader.checks import (
    Array,
    Expected,
    Subject,
    as_array,
    check,
    evidence,
    expect,
    expect_all_close,
    expect_close,
    ladder,
)
from grader.checks.expected import by_shape
from grader.checks.ladder import Gaussian
from grader.checks.stacking import judge_stacked
from grader.checks.subject import Value


@check("gaussian-kl", points=0.75)
def gaussian_kl_is_the_log_ratio(subject: Subject) -> None:
    """KL(q || p) is E_q[log q(z) - log p(z)]."""
    inputs = ladder.combinations(
        mu_q=(0.0, 1.0, -2.0), var_q=(1.0, 4.0, 0.25), mu_p=(0.0, 3.0, 0.5), var_p=(1.0, 2.0, 0.25)
    )
    numbers = [tuple(given.values()) for given in inputs]
    answers = subject.map("gaussian_kl", numbers)
    expect_all_close(answers, by_shape(kl_of_two, numbers), given=inputs)


@check("gaussian-examples", points=0.25)
def examples_are_small_and_large(subject: Subject) -> None:
    """The first pair of Gaussians differs and is close, the second one is far apart."""
    pairs = _unpacked(subject.call("gaussian_examples"))
    expect(len(pairs) == 2, "gaussian_examples should return two pairs of Gaussians.")
    small, large = map(_pair, pairs)
    expect(small[:2] != small[2:], "The Gaussians of your first pair are the same.")
    near, far = float(kl_of_two(*small).value), float(kl_of_two(*large).value)
    evidence(first=near, second=far)
    expect(near < 0.01, f"The divergence of your first pair is {near:.4g}, not below 0.01.")
    expect(far > 10, f"The divergence of your second pair is {far:.4g}, not above 10.")


def _unpacked(value: object) -> list[Value]:
    """What a tuple, a list, or one tensor or array in their place holds."""
    if isinstance(value, np.ndarray) and value.ndim:
        return list(value)
    return list(value) if isinstance(value, tuple | list) else []


def _pair(given: object) -> tuple[float, ...]:
    numbers = _unpacked(given)
    expect(
        len(numbers) == 4 and all(np.size(as_array(number)) == 1 for number in numbers),
        "A pair should be four numbers: mu_q, var_q, mu_p, var_p.",
    )
    values = tuple(as_array(number).item() for number in numbers)
    expect(np.isfinite(values), "One of your numbers is not finite.")
    expect(min(values[1], values[3]) > 0, "One of your variances is not positive.")
    return values


@check("kl", points=1.25)
def kl_is_the_expected_log_ratio(subject: Subject) -> None:
    """KL(q || p) is E_q[log q(z) - log p(z)], summed over the last axis."""

    def judge(inputs: Sequence[Gaussian]) -> None:
        expect_all_close(subject.map("KLD", inputs), by_shape(kl_to_prior, inputs), given=inputs)

    judge_stacked(judge, ladder.gaussians())


@check("kl", points=0.25)
def kl_is_zero_only_at_the_prior(subject: Subject) -> None:
    """A divergence is zero where q is the prior, and positive elsewhere."""

    def judge(inputs: Sequence[Gaussian]) -> None:
        for given, answer in zip(inputs, subject.map("KLD", inputs), strict=True):
            _expect_zero_or_more(given, as_array(answer))

    judge_stacked(judge, ladder.gaussians()[:64])


def _expect_zero_or_more(given: Gaussian, answer: Array) -> None:
    away = given.mean.any(axis=-1) | given.log_std.any(axis=-1)
    if away.any() and answer.shape != away.shape:  # one number for the whole batch
        answer, away = answer.sum(), np.asarray(True)
    if away.any():
        expect(
            answer[away] > 0,
            "Your KLD is not positive for a q that differs from the prior.",
            mean=given.mean,
            log_std=given.log_std,
        )
        answer = np.where(away, answer.dtype.type(0), answer)
    if not away.all():
        expected = Expected(np.zeros(away.shape), kl_to_prior(*given).scale)
        expect_close(answer, expected, given=given)


@check("kl", points=0.25)
def kl_is_even_in_the_mean(subject: Subject) -> None:
    """The unit Gaussian is symmetric, so the sign of the mean does not matter."""

    def judge(inputs: Sequence[Gaussian]) -> None:
        mirrored = [Gaussian(-given.mean, given.log_std) for given in inputs]
        both = zip(inputs, subject.map("KLD", inputs), subject.map("KLD", mirrored), strict=True)
        for given, answer, mirror in both:
            _expect_even(given, as_array(answer), mirror)

    judge_stacked(judge, ladder.gaussians()[:64])


def _expect_even(given: Gaussian, answer: Array, mirror: Value) -> None:
    scale = scale_of(kl_to_prior(*given))
    if answer.shape != scale.shape:
        scale = np.max(scale)
    expect_close(
        mirror,
        Expected(answer, scale + np.abs(answer)),
        given={"mean": -given.mean, "log_std": given.log_std},
        message="With the sign of the mean changed it is another one.",
    )


@check("kl", points=0.25)
def kl_gradient(subject: Subject) -> None:
    """The gradient of the KL reaches mean and log_std, and is that of the expected log-ratio."""
    inputs = ladder.gaussians()[::37]
    answers = subject.gradients("KLD", inputs, wrt=(0, 1))
    for given, (_, slopes) in zip(inputs, answers, strict=True):
        for name, slope, expected in zip(given._fields, slopes, kl_slopes(*given), strict=True):
            expect_close(
                slope,
                expected,
                given=given,
                function=f"KLD's gradient with respect to {name}",
                message="The gradient of the expected log-ratio is another one.",
            )
