"""The schedule and the forward chain, composed kernel by kernel."""

from __future__ import annotations

from typing import Any

import numpy as np

from assignments.ddpm.definitions import (
    batches,
    expected_sample,
    expected_step,
    kl_to_prior,
    moments,
    schedules,
)
from assignments.ddpm.own_answers import (
    judge_by_either,
    named,
    samples_of_own_moments,
    two_parts,
)
from grader.checks import (
    Expected,
    Subject,
    as_array,
    check,
    expect,
    expect_all_close,
    expect_close,
    expect_decreasing,
    expect_shape,
)

# 1.1 A linear schedule

FIRST, LAST = 1e-4, 0.02
LENGTHS = (2, 3, 5, 10, 200, 1000)


@check("schedule", points=0.75)
def betas_grow_in_equal_steps(subject: Subject) -> None:
    """The betas run from 1e-4 at t = 1 to 0.02 at t = T in equal steps."""
    # torch's default precision is enough for a schedule, whatever its answer is widened to.
    answers = [_narrowed(a) for a in subject.map("linear_beta_schedule", [(n,) for n in LENGTHS])]
    says = "the schedule that grows by the same amount at every step"
    expected = [
        Expected(FIRST + (LAST - FIRST) * np.arange(n) / (n - 1), np.full(n, LAST), says)
        for n in LENGTHS
    ]
    expect_all_close(answers, expected, given=[{"timesteps": np.asarray(n)} for n in LENGTHS])


def _narrowed(answer: Any) -> Any:
    is_wide = isinstance(answer, np.ndarray) and answer.dtype == np.float64
    return answer.astype(np.float32) if is_wide else answer


# 1.2 alpha-bar


@check("alpha-bar", points=0.5)
def signal_left_is_that_of_the_chain(subject: Subject) -> None:
    """alpha-bar is the share of the signal's variance that the steps up to t leave."""
    answers = subject.map("alphas_cumprod", [(betas,) for betas in schedules()])
    expected = [
        Expected(batch.left, np.arange(1, len(batch.left) + 1) * (1 - np.log(batch.left)))
        for batch in batches()[::3]
    ]
    expect_all_close(answers, expected, given=[{"betas": betas} for betas in schedules()])


@check("alpha-bar", points=0.25)
def signal_left_shrinks(subject: Subject) -> None:
    """Every step takes some of the signal: alpha-bar begins below one and never grows."""
    answer = as_array(subject.call("alphas_cumprod", schedules()[-1]))
    expect_shape(answer, schedules()[-1].shape)
    expect(
        (answer > 0) & (answer < 1),
        f"Your alphas_cumprod runs from {answer.min():.4g} to {answer.max():.4g}, not inside of 0 "
        "to 1.",
    )
    expect_decreasing(answer)


# 2.1 One step


@check("step", points=0.75)
def step_draws_from_its_kernel(subject: Subject) -> None:
    """A step draws from N(sqrt(1 - beta_t) x_{t-1}, beta_t), with each example's own t."""
    given = [(batch.x0, batch.t, batch.noise, batch.betas) for batch in batches()]
    answers = subject.map("q_step", given)
    names = ("x_prev", "t", "noise", "betas")
    expect_all_close(answers, list(map(expected_step, batches())), given=named(names, given))


@check("step", points=0.5)
def steps_compose_to_the_chain(subject: Subject) -> None:
    """Your own steps, taken one after the other, keep data of variance one at variance one."""
    betas = schedules()[-1]
    steps = len(betas)
    x = np.eye(steps + 1, 1, dtype=betas.dtype)  # the first row follows the data, the others noise
    for t in range(1, steps + 1):
        noise = np.eye(steps + 1, 1, k=-t, dtype=betas.dtype)
        x = as_array(subject.call("q_step", x, np.full(len(x), t), noise, betas))
        expect_shape(x, (steps + 1, 1))
    expect_close(
        np.sum(x.astype(np.float64) ** 2),
        Expected(np.asarray(1.0), np.asarray(steps), "the variance that it began with"),
        given={"betas": betas},
        function=f"variance after {steps} of your q_step",
    )


# 2.2 Mean and variance


@check("moments", points=1)
def moments_are_those_of_the_chain(subject: Subject) -> None:
    """Mean and variance of x_t given x_0 are those of the chain composed step by step."""
    given = [(batch.x0, batch.t, batch.left) for batch in batches()]
    answers = subject.map("q_mean_variance", given)
    means, variances = two_parts(answers, [batch.x0 for batch in batches()], "q_mean_variance")
    right = [moments(batch) for batch in batches()]
    shown = named(("x0", "t", "alphas_cumprod"), given)
    expect_all_close(means, [mean for mean, _ in right], given=shown)
    expect_all_close(variances, [spread for _, spread in right], given=shown)


@check("moments", points=0.25)
def signal_and_noise_share_one_variance(subject: Subject) -> None:
    """Of data with variance one, signal and noise together keep variance one."""
    batch = batches()[-1]
    ones = np.ones_like(batch.x0)
    answer = subject.call("q_mean_variance", ones, batch.t, batch.left)
    (mean,), (variance,) = two_parts([answer], [ones], "q_mean_variance")
    expect_close(
        as_array(mean).astype(np.float64) ** 2 + variance,
        Expected(ones, 2 * ones, "the variance of data and noise together"),
        given={"x0": ones, "t": batch.t, "alphas_cumprod": batch.left},
        function="q_mean_variance, the squared mean plus the variance,",
    )


# 2.3 Noising


@check("noising", points=0.75)
def sample_is_that_of_the_chain(subject: Subject) -> None:
    """x_t is the chain's mean plus the noise times its standard deviation."""
    given = [(batch.x0, batch.t, batch.noise, batch.left) for batch in batches()]
    answers = subject.map("q_sample", given)
    names = ("x0", "t", "noise", "alphas_cumprod")
    right = list(map(expected_sample, batches()))
    judge_by_either(
        lambda samples: expect_all_close(answers, samples, given=named(names, given)),
        right,
        lambda: samples_of_own_moments(subject, given, right),
    )


@check("noising", points=0.25)
def examples_are_noised_on_their_own(subject: Subject) -> None:
    """An example is noised as if it were alone: with its own t and its own noise."""
    for batch in batches()[1:6]:
        together = as_array(subject.call("q_sample", batch.x0, batch.t, batch.noise, batch.left))
        expect_shape(together, batch.x0.shape)
        scale = expected_sample(batch).scale
        assert scale is not None
        single = [
            (batch.x0[i : i + 1], batch.t[i : i + 1], batch.noise[i : i + 1], batch.left)
            for i in range(len(batch.t))
        ]
        alone = subject.map("q_sample", single)
        expected = [
            Expected(together[i : i + 1], 2 * scale[i : i + 1], "what it is in a batch")
            for i in range(len(batch.t))
        ]
        names = ("x0", "t", "noise", "alphas_cumprod")
        expect_all_close(alone, expected, given=named(names, single))


# 2.4 KL to the prior


@check("prior", points=0.75)
def prior_kl_is_the_expected_log_ratio(subject: Subject) -> None:
    """KL(q(x_T | x_0) || N(0, I)) is the expected log-ratio, summed over each example's entries."""
    given = [(batch.x0, batch.left) for batch in batches()]
    answers = subject.map("prior_kl", given)
    expected = [kl_to_prior(batch.x0, batch.betas) for batch in batches()]
    expect_all_close(answers, expected, given=named(("x0", "alphas_cumprod"), given))


@check("prior", points=0.25)
def prior_kl_vanishes_with_time(subject: Subject) -> None:
    """The longer the chain, the closer x_T is to the prior; the divergence stays positive."""
    batch = batches()[-2]
    given = [(batch.x0, batch.left[:steps]) for steps in range(1, len(batch.left) + 1)]
    answers = [as_array(answer) for answer in subject.map("prior_kl", given)]
    for answer in answers:
        expect_shape(answer, (len(batch.x0),))
    expect(np.stack(answers) > 0, "Your prior_kl is not positive for every chain.")
    expect_decreasing(np.stack(answers), name="your prior_kl, along chains of growing length,")
