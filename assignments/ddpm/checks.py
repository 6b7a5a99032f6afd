"""Public checks of diffusion: each decides by definition, so students may have them.

Nothing of the reference is used: the forward chain is composed kernel by kernel, its posterior is
Bayes' rule on a grid, and divergences are integrated. Noise is an argument of every function, so
nothing is left to chance.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from assignments.ddpm.definitions import (
    Batch,
    KnownModel,
    Samples,
    at,
    batches,
    bayes,
    chain,
    expected_loss,
    expected_sample,
    expected_step,
    gaussian_pairs,
    judge_by_either,
    kl_of_pair,
    kl_to_prior,
    loss_slope,
    moments,
    noised,
    own_samples,
    predicted_mean,
    predicted_x0,
    rounding,
    samples_of_own_moments,
    schedules,
    two_parts,
)
from grader.checks import (
    Array,
    Callback,
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
    expect_all_close(answers, list(map(expected_step, batches())), given=_named(names, given))


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
    shown = _named(("x0", "t", "alphas_cumprod"), given)
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
        lambda samples: expect_all_close(answers, samples, given=_named(names, given)),
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
        expect_all_close(alone, expected, given=_named(names, single))


# 2.4 KL to the prior


@check("prior", points=0.75)
def prior_kl_is_the_expected_log_ratio(subject: Subject) -> None:
    """KL(q(x_T | x_0) || N(0, I)) is the expected log-ratio, summed over each example's entries."""
    given = [(batch.x0, batch.left) for batch in batches()]
    answers = subject.map("prior_kl", given)
    expected = [kl_to_prior(batch.x0, batch.betas) for batch in batches()]
    expect_all_close(answers, expected, given=_named(("x0", "alphas_cumprod"), given))


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


# 3.1 Variance of the posterior


@check("posterior-variance", points=0.75)
def posterior_variance_is_by_bayes(subject: Subject) -> None:
    """The variance of x_{t-1} given x_t and x_0 is that of Bayes' rule, zero at t = 1."""
    answers = subject.map("posterior_variance", [(betas,) for betas in schedules()])
    expected = []
    for betas in schedules():
        ones = np.ones((len(betas), 1), np.float32)
        _, variance = bayes(ones, ones, np.arange(1, len(betas) + 1), betas)
        assert variance.scale is not None
        expected.append(Expected(variance.value[:, 0], variance.scale[:, 0], variance.says))
    expect_all_close(answers, expected, given=[{"betas": betas} for betas in schedules()])


@check("posterior-variance", points=0.25)
def knowing_more_leaves_less_doubt(subject: Subject) -> None:
    """The posterior's variance lies below beta_t, and below the variance of x_{t-1} given x_0."""
    betas = schedules()[-1]
    answer = as_array(subject.call("posterior_variance", betas))
    expect_shape(answer, betas.shape)
    _, variance = chain(betas)
    # Equal to the smaller one at t = 1 only, where rounding may lift it above zero.
    bound = np.minimum(betas, np.r_[0.0, variance[:-1]]) + 1e-5
    expect(
        answer <= bound,
        "Your posterior_variance exceeds the variance that x_{t-1} has when only x_0, or only x_t, "
        "is known.",
        yours=answer,
        bound=bound,
    )


# 3.2 The posterior


@check("posterior", points=0.75)
def posterior_is_by_bayes(subject: Subject) -> None:
    """Mean and variance of x_{t-1} given x_t and x_0 are those of Bayes' rule, integrated."""
    given = [(batch.x0, batch.x_t, batch.t, batch.betas) for batch in batches()]
    answers = subject.map("posterior", given)
    means, variances = two_parts(answers, [batch.x0 for batch in batches()], "posterior")
    right = [bayes(*each) for each in given]
    shown = _named(("x0", "x_t", "t", "betas"), given)
    expect_all_close(means, [mean for mean, _ in right], given=shown)
    expect_all_close(variances, [spread for _, spread in right], given=shown)


@check("posterior", points=0.5)
def posterior_joins_the_chain(subject: Subject) -> None:
    """Averaged over x_t, your posterior gives x_{t-1} the mean and the variance of the chain."""
    for batch in batches()[1::3]:
        signal, variance = chain(batch.betas)
        (lower, upper), spread = _posterior_at_two_points(subject, batch)
        before = at(np.r_[1.0, signal], batch.t, batch.x0) * batch.x0
        growth = at(rounding(batch.betas), batch.t, batch.x0)
        size = np.abs(batch.x0) + np.abs(upper) + np.abs(lower) + 1
        given = {"x0": batch.x0, "t": batch.t, "betas": batch.betas}
        expect_close(
            (lower + upper) / 2,
            Expected(before, growth * size, "the chain's mean of x_{t-1}"),
            given=given,
            function="posterior, its mean averaged over x_t,",
        )
        total = np.broadcast_to(at(np.r_[0.0, variance], batch.t, batch.x0), batch.x0.shape)
        expect_close(
            spread + ((upper - lower) / 2) ** 2,
            Expected(total, growth * size**2, "the chain's variance of x_{t-1}"),
            given=given,
            function="posterior, the variance that it gives x_{t-1} when x_t is averaged out,",
        )


def _posterior_at_two_points(subject: Subject, batch: Batch) -> tuple[list[Array], Array]:
    """Means at the two points of a rule that is exact for a Gaussian x_t, and the variance."""
    x = [noised(batch._replace(noise=sign * np.ones_like(batch.noise))) for sign in (-1, 1)]
    given = [(batch.x0, each.astype(batch.x0.dtype), batch.t, batch.betas) for each in x]
    means, variances = two_parts(subject.map("posterior", given), 2 * [batch.x0], "posterior")
    for mean in means:
        expect_shape(mean, batch.x0.shape)
    return [as_array(mean).astype(np.float64) for mean in means], as_array(variances[0])


@check("posterior", points=0.25)
def first_step_is_known(subject: Subject) -> None:
    """At t = 1 the posterior is x_0 itself, without variance."""
    batch = batches()[-1]
    t = np.ones_like(batch.t)
    given = {"x0": batch.x0, "x_t": batch.x_t, "t": t, "betas": batch.betas}
    answer = subject.call("posterior", *given.values())
    (mean,), (variance,) = two_parts([answer], [batch.x0], "posterior")
    for part, right in zip(
        (mean, variance), bayes(batch.x0, batch.x_t, t, batch.betas), strict=True
    ):
        expect_close(part, right, given=given)


# 3.3 KL of two Gaussians


@check("full-kl", points=1)
def full_kl_is_the_expected_log_ratio(subject: Subject) -> None:
    """KL(a || b) is E_a[log a - log b], also where dimensions are correlated."""
    answers = subject.map("gaussian_kl_full", gaussian_pairs())
    expect_all_close(
        answers, [kl_of_pair(*pair) for pair in gaussian_pairs()], given=gaussian_pairs()
    )


@check("full-kl", points=0.5)
def full_kl_is_zero_at_itself_only(subject: Subject) -> None:
    """A divergence is zero from a Gaussian to itself, and positive to every other."""
    apart = [pair for pair in gaussian_pairs() if kl_of_pair(*pair).value.min() > 1e-6]
    same = [pair._replace(mean_b=pair.mean_a, cov_b=pair.cov_a) for pair in apart]
    answers = subject.map("gaussian_kl_full", same)
    expect_all_close(answers, [kl_of_pair(*pair) for pair in same], given=same)
    for pair, answer in zip(apart, subject.map("gaussian_kl_full", apart), strict=True):
        expect(
            as_array(answer) > 0,
            "Your gaussian_kl_full is not positive for two Gaussians that differ.",
            **pair._asdict(),
        )


# 4.1 The loss

_LOSS = ("x0", "t", "noise", "alphas_cumprod")


@check("loss", points=0.75)
def loss_is_the_mean_squared_error(subject: Subject) -> None:
    """The loss is the mean squared error between the noise and what the model makes of x_t."""
    given = [(batch.x0, batch.t, batch.noise, batch.left) for batch in batches()]
    inputs = [(Callback(KnownModel()), *each) for each in given]
    answers = subject.map("diffusion_loss", inputs)

    def judge(samples: Samples) -> None:
        expected = [expected_loss(*each) for each in zip(batches(), samples, strict=True)]
        expect_all_close(answers, expected, given=_named(_LOSS, given))

    right = list(map(expected_sample, batches()))
    judge_by_either(judge, right, lambda: own_samples(subject, given, right))


@check("loss", points=0.5)
def model_sees_noised_data_and_its_time(subject: Subject) -> None:
    """The model is given x_t, and the t of each example."""
    for batch in batches()[1:6]:
        model = KnownModel()
        given = (batch.x0, batch.t, batch.noise, batch.left)
        subject.call("diffusion_loss", Callback(model), *given)
        expect(len(model.given) == 1, f"Your loss calls the model {len(model.given)} times.")
        _judge_what_the_model_saw(subject, model.given[0], batch)


def _judge_what_the_model_saw(subject: Subject, seen: tuple[Array, Array], batch: Batch) -> None:
    given = (batch.x0, batch.t, batch.noise, batch.left)
    whose = "diffusion_loss, in what it shows to the model,"

    def judge(samples: Samples) -> None:
        named = dict(zip(_LOSS, given, strict=True))
        expect_close(seen[0], samples[0], given=named, function=whose)

    right = [expected_sample(batch)]
    judge_by_either(judge, right, lambda: own_samples(subject, [given], right))
    same = np.array_equal(seen[1], batch.t)
    expect(same, "Your loss shows the model another t than it was given.")


@check("loss", points=0.25)
def loss_moves_with_the_error(subject: Subject) -> None:
    """The loss moves with the target noise as the mean squared error does."""
    batch = batches()[4]
    given = (batch.x0, batch.t, batch.noise, batch.left)
    _, (slope,) = subject.gradient("diffusion_loss", Callback(KnownModel()), *given, wrt=(3,))
    expect(np.any(slope), "No gradient of your diffusion_loss reaches the noise.")
    whose = "diffusion_loss's gradient with respect to noise, while the prediction is fixed,"
    right = [expected_sample(batch)]
    judge_by_either(
        lambda samples: expect_close(slope, loss_slope(batch, samples[0]), function=whose),
        right,
        lambda: own_samples(subject, [given], right),
    )


# 4.2 and 4.3 Other parametrisations


@check("x0", points=0.75)
def x0_comes_back(subject: Subject) -> None:
    """Data noised along the chain come back when the noise is taken out."""
    given = [(batch.x_t, batch.noise, batch.t, batch.left) for batch in batches()]
    expected = [predicted_x0(batch.x_t, batch.noise, batch.t, batch.betas) for batch in batches()]
    names = ("x_t", "noise", "t", "alphas_cumprod")
    expect_all_close(subject.map("x0_from_noise", given), expected, given=_named(names, given))


@check("mean", points=0.75)
def mean_is_that_of_the_posterior(subject: Subject) -> None:
    """The mean of x_{t-1} is the posterior's, for the x_0 that the noise implies."""
    given = [(batch.x_t, batch.noise, batch.t, batch.betas) for batch in batches()]
    expected = [predicted_mean(*each) for each in given]
    names = ("x_t", "noise", "t", "betas")
    expect_all_close(subject.map("mean_from_noise", given), expected, given=_named(names, given))


# 4.4 Ancestral sampling


@check("reverse", points=0.5)
def reverse_step_draws_around_the_mean(subject: Subject) -> None:
    """x_{t-1} is the mean plus the noise times the standard deviation, but for t = 1."""
    given = [(batch.x_t, batch.t, batch.noise, batch.betas, batch.betas) for batch in batches()]
    answers = subject.map("p_sample", [(Callback(KnownModel()), *each) for each in given])
    expected = []
    for batch in batches():
        prediction = KnownModel.noise(batch.x_t, batch.t)
        mean = predicted_mean(batch.x_t, prediction, batch.t, batch.betas)
        std = np.sqrt(at(batch.betas.astype(np.float64), batch.t, batch.x_t))
        fresh = std * batch.noise * (at(np.arange(len(batch.betas)), batch.t, batch.x_t) > 0)
        assert mean.scale is not None
        scale = mean.scale + np.abs(fresh)
        expected.append(Expected(mean.value + fresh, scale, "the mean plus the scaled noise"))
    names = ("x_t", "t", "noise", "betas", "variances")
    expect_all_close(answers, expected, given=_named(names, given))


@check("reverse", points=0.25)
def only_the_last_step_is_silent(subject: Subject) -> None:
    """Noise moves every step but the last one, t = 1."""
    batch = batches()[-2]
    steps = [
        as_array(
            subject.call(
                "p_sample",
                Callback(KnownModel()),
                *(batch.x_t, batch.t, sign * batch.noise, batch.betas, batch.betas),
            )
        )
        for sign in (np.float32(-1), np.float32(1))
    ]
    for step in steps:
        expect_shape(step, batch.x_t.shape)
    moved = (steps[0] != steps[1]).any(axis=1)
    expect(~moved[batch.t == 1], "Your last step, t = 1, still adds noise.")
    silent = batch.t[~moved & (batch.t > 1)].tolist()
    expect(not silent, f"Your p_sample adds no noise at t = {silent}.")


@check("reverse", points=0.5)
def reverse_chain_retraces_the_forward_chain(subject: Subject) -> None:
    """With the exact noise and the posterior's variance, x_{t-1} has the forward chain's law."""
    betas, start = schedules()[-1], 3.0
    steps = len(betas)
    signal, variance = (
        np.r_[first, part] for first, part in zip((1, 0), chain(betas), strict=True)
    )
    variances = (betas * variance[:-1] / variance[1:]).astype(betas.dtype)

    def exact(x_t: Array, t: Array) -> Array:
        noise = (x_t - start * signal[t][:, np.newaxis]) / np.sqrt(variance[t])[:, np.newaxis]
        return np.asarray(noise.astype(betas.dtype))

    variances[0] = betas[0]  # the last step has no use for it
    x = _response(steps + 1, steps) * np.sqrt(variance[-1])
    x = (x + start * signal[-1]).astype(betas.dtype)
    growth = steps * rounding(betas).max() * (1 + start) ** 2
    for t in range(steps, 0, -1):
        noise = _response(t, steps).astype(betas.dtype)
        given = (x, np.full(len(x), t), noise, betas, variances)
        x = as_array(subject.call("p_sample", Callback(exact), *given))
        expect_shape(x, (steps + 2, 1))
        centre, found = x[0, 0], np.sum((x[1:].astype(np.float64) - x[0]) ** 2)
        for answer, right, what in (
            (centre, start * signal[t - 1], "mean"),
            (found, variance[t - 1], "variance"),
        ):
            expect_close(
                np.float64(answer),
                Expected(np.asarray(right), np.asarray(growth), f"the forward chain's {what}"),
                given={"t": np.asarray(t), "betas": betas},
                function=f"p_sample, by the {what} of x at t = {t - 1} that it leads to,",
            )


def _response(source: int, steps: int) -> Array:
    """Noise of one in the row of its source: row 0 stays at the mean, x_T has the last row."""
    return np.eye(steps + 2, 1, k=-source)


def _named(names: Sequence[str], given: Sequence[Sequence[Array]]) -> list[dict[str, Array]]:
    return [dict(zip(names, each, strict=True)) for each in given]
