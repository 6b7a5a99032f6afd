"""The loss, other parametrisations, and one step of the way back."""

from __future__ import annotations

import numpy as np

from assignments.ddpm import learning
from assignments.ddpm.definitions import (
    Batch,
    at,
    batches,
    chain,
    expected_sample,
    rounding,
    schedules,
)
from assignments.ddpm.known_model import KnownModel, expected_loss, loss_slope
from assignments.ddpm.own_answers import (
    Samples,
    judge_by_either,
    named,
    own_samples,
)
from assignments.ddpm.posteriors import predicted_mean, predicted_x0
from assignments.ddpm.right_ones import forgiving
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
    expect_shape,
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
        expect_all_close(answers, expected, given=named(_LOSS, given))

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
    """The loss moves with the noise as the mean squared error does, and teaches the model."""
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
    _expect_learning(subject)


def _expect_learning(subject: Subject) -> None:
    """Demands that a backward pass from the loss reaches the weights of the model."""
    x0 = np.arange(9, dtype=np.float32).reshape(3, 1, 3) / 4
    left = np.asarray([0.9, 0.6, 0.3], np.float32)
    given = (x0, np.asarray([1, 2, 3]), 1 - x0, left)
    loss = subject.new("diffusion_loss", Callback(KnownModel()), *given)
    network = learning.of_whole_times(subject, loss, axes=1)
    learning.expect_learning(subject, network, "diffusion_loss", network, *given)


# 4.2 and 4.3 Other parametrisations


@check("x0", points=0.75)
def x0_comes_back(subject: Subject) -> None:
    """Data noised along the chain come back when the noise is taken out."""
    given = [(batch.x_t, batch.noise, batch.t, batch.left) for batch in batches()]
    expected = [predicted_x0(batch.x_t, batch.noise, batch.t, batch.betas) for batch in batches()]
    names = ("x_t", "noise", "t", "alphas_cumprod")
    expect_all_close(subject.map("x0_from_noise", given), expected, given=named(names, given))


@check("mean", points=0.75)
@forgiving("alphas_cumprod", "posterior_variance", "posterior", "x0_from_noise")
def mean_is_that_of_the_posterior(subject: Subject) -> None:
    """The mean of x_{t-1} is the posterior's, for the x_0 that the noise implies."""
    given = [(batch.x_t, batch.noise, batch.t, batch.betas) for batch in batches()]
    expected = [predicted_mean(*each) for each in given]
    names = ("x_t", "noise", "t", "betas")
    expect_all_close(subject.map("mean_from_noise", given), expected, given=named(names, given))


# 4.4 Ancestral sampling


@check("reverse", points=0.5)
@forgiving("alphas_cumprod", "posterior_variance", "posterior", "x0_from_noise", "mean_from_noise")
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
    expect_all_close(answers, expected, given=named(names, given))


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
@forgiving("alphas_cumprod", "posterior_variance", "posterior", "x0_from_noise", "mean_from_noise")
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
