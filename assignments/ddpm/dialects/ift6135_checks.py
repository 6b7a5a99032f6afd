"""Checks of IFT6135's `DenoiseDiffusion`: its forward process, its reverse step; losses beside."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from assignments.ddpm.definitions import at, chain
from assignments.ddpm.dialects.ift6135_losses import (
    loss_is_the_squared_error,
    loss_noises_with_the_noise_given,
    loss_tells_the_same,
    loss_trains_every_timestep,
)
from assignments.ddpm.dialects.ift6135_parts import (
    LENGTHS,
    Seed,
    all_times,
    asked,
    by_its_time,
    by_moments,
    data,
    model,
    moments,
    noise,
    noised,
    reverse_mean,
    schedule,
)
from assignments.ddpm.own_answers import judge_by_either, two_parts
from assignments.ddpm.watcher import Shown, Watcher
from grader.checks import (
    Array,
    CheckFailure,
    Expected,
    Subject,
    as_array,
    check,
    evidence,
    expect,
    expect_close,
    expect_shape,
    expect_standard_normal,
)
from grader.checks.exact_null import detects
from grader.errors import SubjectError

__all__ = [
    "loss_is_the_squared_error",
    "loss_noises_with_the_noise_given",
    "loss_trains_every_timestep",
]

ALPHA = 1e-9


@check("q-xt-x0", points=1)
def mean_is_that_of_the_chain(subject: Subject) -> None:
    """The mean of x_t given x_0 is that of the chain, at every t from 0 to n_steps - 1."""
    for steps in LENGTHS:
        x0, t = data(steps), all_times(steps)
        mean, _ = _moments(subject, steps, x0, t)
        right, _ = moments(x0, t, schedule(steps))
        expect_close(mean, right, given={"x0": x0, "t": t}, function="q_xt_x0, in its mean,")


@check("q-xt-x0", points=1)
def variance_is_that_of_the_chain(subject: Subject) -> None:
    """The variance of x_t given x_0 is that of the chain, at every t from 0 to n_steps - 1."""
    for steps in LENGTHS:
        x0, t = data(steps), all_times(steps)
        _, variance = _moments(subject, steps, x0, t)
        _, right = moments(x0, t, schedule(steps))
        given = {"x0": x0, "t": t}
        expect_close(variance, right, given=given, function="q_xt_x0, in its variance,")


def _moments(subject: Subject, steps: int, x0: Array, t: Array) -> tuple[Array, Array]:
    answer = asked(subject, "q_xt_x0", steps, x0, t)
    (mean,), (variance,) = two_parts([answer], [x0], "q_xt_x0")
    return as_array(mean), as_array(variance)


@check("q-sample", points=1)
def sample_has_the_noise_given(subject: Subject) -> None:
    """x_t is the chain's mean plus the noise that is given, scaled to the chain's variance."""
    for steps in LENGTHS:
        given = {"x0": data(steps), "t": all_times(steps), "eps": noise(steps)}
        answer = asked(subject, "q_sample", steps, *given.values())
        own = partial(_by_own_moments, subject, steps, **given)
        _judge_sample(answer, given, noised(**given, betas=schedule(steps)), own)


def _judge_sample(
    answer: object, given: dict[str, Array], right: Expected, own: Callable[[], Expected]
) -> None:
    judge_by_either(
        lambda expected: expect_close(answer, expected[0], given=given, function="q_sample"),
        [right],
        lambda: [own()],
    )


def _by_own_moments(subject: Subject, steps: int, x0: Array, t: Array, eps: Array) -> Expected:
    return by_moments(*_moments(subject, steps, x0, t), t, eps)


_ROWS = 500


@check(
    "q-sample",
    points=1,
    alpha=ALPHA,
    detects=detects(
        (_ROWS, 16),
        ALPHA,
        {"q-sample/no-noise-of-its-own": ("std", 1.0), "q-sample/shared-noise": ("columns", 1.0)},
    ),
)
def sample_draws_noise_of_its_own(subject: Subject, seed: Seed) -> None:
    """Where no noise is given, fresh standard normal noise is drawn for every entry."""
    x0, t = data(_ROWS), np.arange(_ROWS) % 10
    answer = as_array(asked(subject, "q_sample", 10, x0, t, seed=seed("law")))
    expect_shape(answer, x0.shape, function="q_sample")
    # By the student's own formula, which the other check has judged: which noise explains it?
    zero, one = (
        as_array(asked(subject, "q_sample", 10, x0, t, np.full_like(x0, size))).astype(np.float64)
        for size in (0, 1)
    )
    expect(one != zero, "The noise that is given does not move your q_sample.")
    expect_standard_normal((answer - zero) / (one - zero), alpha=ALPHA, function="q_sample")


@check("p-xt-prev-xt", points=1.5)
def reverse_mean_takes_noise_out(subject: Subject) -> None:
    """The mean of the reverse step takes one step's share of the predicted noise out of x_t."""
    for steps in LENGTHS:
        x_t, t, betas = data(steps), all_times(steps), schedule(steps)
        network, (mean, _) = _reverse(subject, steps, x_t, t)
        right = reverse_mean(x_t, t, network.calls[-1].answer, betas)
        given = {"xt": x_t, "t": t}
        expect_close(mean, right, given=given, function="p_xt_prev_xt, in its mean,")


@check("p-xt-prev-xt", points=0.5)
def reverse_variance_is_that_of_the_sheet(subject: Subject) -> None:
    """The variance of the reverse step is the one that the sheet sets, at every t."""
    for steps in LENGTHS:
        x_t, t, betas = data(steps), all_times(steps), schedule(steps)
        _, (_, variance) = _reverse(subject, steps, x_t, t)
        right = np.broadcast_to(at(betas, t + 1, x_t), x_t.shape)
        of_posterior = _posterior_variance(betas)[t].reshape(-1, 1, 1, 1)
        is_other = np.allclose(variance, np.broadcast_to(of_posterior, x_t.shape), atol=1e-6)
        expect_close(
            variance,
            Expected(right, np.ones_like(right), "the variance of the sheet's reverse step"),
            given={"t": t},
            function="p_xt_prev_xt, in its variance,",
            message="Yours is the variance of the posterior given x_0, too; which one does the "
            "sheet take?"
            if is_other
            else None,
        )


@check("p-xt-prev-xt", points=0.5)
def network_is_shown_x_t_and_t(subject: Subject, seed: Seed) -> None:
    """The network is shown x_t as it is, and told each example's own t, as it is in training."""
    x_t, t = data(10), all_times(10)
    network = Watcher()
    subject.call(model(subject, by_its_time(network), 10), x_t, t, method="p_xt_prev_xt")
    seen = _seen(network, x_t)
    expect(
        np.array_equal(seen.x, x_t), "Your reverse step shows the network something else than x_t."
    )
    expect(
        len(set(seen.time.tolist())) == len(t),
        "Your reverse step does not tell the network of each example's own t.",
        told=seen.time.tolist(),
    )
    # Another scale of time is as good, if it is that of training.
    expect(
        np.array_equal(seen.time, t) or loss_tells_the_same(subject, seed),
        f"At t = {t[0]} your reverse step tells the network the time {seen.time[0]:g}; your loss "
        "trains it at that t with another.",
        told=seen.time.tolist(),
    )


def _posterior_variance(betas: Array) -> Array:
    _, variance = chain(betas)
    return np.asarray(betas * np.r_[0.0, variance[:-1]] / variance)


def _reverse(
    subject: Subject, steps: int, x_t: Array, t: Array
) -> tuple[Watcher, tuple[Array, Array]]:
    """What the network was shown in p_xt_prev_xt, and its mean and variance."""
    network = Watcher()
    answer = subject.call(model(subject, network, steps), x_t, t, method="p_xt_prev_xt")
    (mean,), (variance,) = two_parts([answer], [x_t], "p_xt_prev_xt")
    _seen(network, x_t)
    return network, (as_array(mean), as_array(variance))


def _seen(network: Watcher, x_t: Array) -> Shown:
    """What the network was shown last.

    Raises:
        CheckFailure: these are no images like x_t.
    """
    expect(
        len(network.calls) > 0 and network.calls[-1].x.shape == x_t.shape,
        "Your p_xt_prev_xt does not show the network the images that it is given.",
    )
    return network.calls[-1]


# Of a step at the end of the chain, where the root of beta / alpha is 1 % above that of beta.
_MANY, _LAST = (4, 1, 400, 400), 9


@check(
    "p-sample",
    points=1,
    alpha=ALPHA,
    detects=detects(
        (4, 400 * 400),
        ALPHA,
        {
            "p-sample/root-of-beta-over-alpha": ("std", 0.0101),
            "p-sample/variance-as-std": ("std", 0.8),
            "p-sample/no-noise": ("std", 1.0),
        },
    ),
)
def draw_has_the_law_of_the_step(subject: Subject, seed: Seed) -> None:
    """x_{t-1} is drawn around the mean of the reverse step, with its variance."""
    x_t = np.resize(data(1), _MANY)
    network = Watcher()
    t = np.full(len(x_t), _LAST)
    made = model(subject, network, _LAST + 1)
    answer = as_array(subject.call(made, x_t, t, method="p_sample", seed=seed("law")))
    expect_shape(answer, x_t.shape, function="p_sample")
    mean, variance = _own_or_right(subject, x_t, t)
    expect_standard_normal((answer - mean) / np.sqrt(variance), alpha=ALPHA, function="p_sample")


_FEW = 64


@check(
    "p-sample",
    points=0.5,
    alpha=ALPHA,
    detects=detects((_FEW, 16 * _LAST), ALPHA, {"p-sample/no-noise": ("std", 1.0)}),
)
def every_step_but_the_last_is_random(subject: Subject, seed: Seed) -> None:
    """Each step draws around its mean, at t = 1 as well; the one at t = 0 may leave it at that."""
    x_t = data(_FEW)
    drawn = []
    for step in range(_LAST, -1, -1):
        t = np.full(_FEW, step)
        answer = asked(subject, "p_sample", _LAST + 1, x_t, t, seed=seed(f"step {step}"))
        expect_shape(as_array(answer), x_t.shape, function="p_sample")
        mean, variance = _own_or_right(subject, x_t, t)
        drawn.append((as_array(answer) - mean) / np.sqrt(variance))
    last = drawn.pop()
    expect_standard_normal(
        np.concatenate(drawn, axis=1), alpha=ALPHA / 2, function="p_sample above t = 0"
    )
    if np.abs(last).max() > 1e-2:  # far above rounding, and no draw of 256 numbers is as small
        expect_standard_normal(last, alpha=ALPHA / 2, function="p_sample at t = 0")


def _own_or_right(subject: Subject, x_t: Array, t: Array) -> tuple[Array, Array]:
    """Mean and variance by the student's p_xt_prev_xt, which other checks judge; else the right."""
    betas = schedule(10)
    try:
        _, (mean, variance) = _reverse(subject, len(betas), x_t, t)
        if mean.shape == x_t.shape and np.isfinite(mean).all() and (variance > 0).all():
            evidence(follows_from_own_functions=True)
            return mean.astype(np.float64), variance.astype(np.float64)
    except (CheckFailure, SubjectError):
        evidence(follows_from_own_functions=False)
    predicted = Watcher()(x_t, t).astype(np.float64)
    return reverse_mean(x_t, t, predicted, betas).value, at(betas, t + 1, x_t)
