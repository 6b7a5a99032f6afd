"""Hidden checks of diffusion: against the reference in float64, on schedules of realistic length.

All timesteps are asked for in one call, in an order of their own. Where 1 - alpha-bar cancels,
the tolerance grows as `definitions.rounding` says. What students are given is in float32: a
coefficient from `torch.tensor` of Python's numbers, or a `torch.eye`, is honest and has its digits.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

from assignments.ddpm.bound import measure_bpd
from assignments.ddpm.definitions import Pair, at, chain, rounding
from assignments.ddpm.known_model import KnownModel
from assignments.ddpm.own_answers import (
    Samples,
    judge_by_either,
    own_samples,
    samples_of_own_moments,
    two_parts,
)
from assignments.ddpm.right_ones import forgiving
from grader.checks import (
    Array,
    Callback,
    Detectable,
    Expected,
    Subject,
    check,
    credit,
    evidence,
    expect_all_close,
    expect_close,
)
from grader.checks.measuring import benefit
from reference import ddpm, ddpm_reverse

Inputs = dict[str, Array]
IMAGES, PAIRS = 4, 3  # of a batch


def long_inputs(seed: int) -> Inputs:
    """Every timestep of 1000 once, shuffled, with data and noise of two axes, float32."""
    rng = np.random.default_rng(seed)
    betas = np.linspace(1e-4, 0.02, 1000).astype(np.float32)
    x0, noise, x_t = rng.normal(0, 1.5, (3, 1000, 2)).astype(np.float32)
    return {
        "betas": betas,
        "alphas_cumprod": np.cumprod(1 - betas.astype(np.float64)).astype(np.float32),
        "t": rng.permutation(np.arange(1, 1001)),
        "x0": x0,
        "x_prev": x0,
        "noise": noise,
        "x_t": x_t,
    }


def tensors(given: Sequence[Array]) -> list[torch.Tensor]:
    """The same inputs for the reference, in float64."""
    found = [torch.from_numpy(np.array(array)) for array in given]
    return [part.double() if part.is_floating_point() else part for part in found]


def agree(
    subject: Subject,
    name: str,
    right: Callable[..., Any],
    arguments: Sequence[str],
    seed: int,
    size: Callable[[Inputs], Array],
) -> None:
    """Demands the reference's answer for all timesteps at once, with errors measured in `size`.

    Raises:
        CheckFailure: an entry differs by more than rounding explains.
    """
    inputs = long_inputs(seed)
    given = {argument: inputs[argument] for argument in arguments}
    expected = right(*tensors(list(given.values()))).numpy()
    answer = subject.call(name, *given.values())
    expect_close(answer, Expected(expected, size(inputs)), given=given)


def forward_size(inputs: Inputs) -> Array:
    """Of what is made of x_0 and noise: a root of beta may be that of 1 - alpha, rounded."""
    x0, noise = np.abs(inputs["x0"]), np.abs(inputs["noise"])
    return np.asarray(x0 + noise * (1 + at(inputs["betas"] ** -0.5, inputs["t"], x0)))


def reverse_size(inputs: Inputs) -> Array:
    """Of what is made of x and noise of unit weights, divided by what may cancel."""
    x0, noise, x_t = (np.abs(inputs[name]) for name in ("x0", "noise", "x_t"))
    kept = at(np.sqrt(inputs["alphas_cumprod"]), inputs["t"], x0)
    return np.asarray((x0 + noise + x_t) / kept * at(rounding(inputs["betas"]), inputs["t"], x0))


@check("step", points=0.25)
def step_agrees_at_every_timestep(subject: Subject, seed: Callable[[str], int]) -> None:
    """One step is right at each of 1000 timesteps."""
    names = ("x_prev", "t", "noise", "betas")
    agree(subject, "q_step", ddpm.q_step, names, seed("inputs"), forward_size)


@check("moments", points=0.25)
def moments_agree_at_every_timestep(subject: Subject, seed: Callable[[str], int]) -> None:
    """Mean and variance of x_t are right at each of 1000 timesteps."""
    _pairs_agree(
        subject,
        "q_mean_variance",
        ddpm.q_mean_variance,
        ("x0", "t", "alphas_cumprod"),
        seed("inputs"),
        forward_size,
    )


@check("noising", points=0.5)
def sample_agrees_at_every_timestep(subject: Subject, seed: Callable[[str], int]) -> None:
    """x_t is right at each of 1000 timesteps."""
    given, right = _long_samples(seed("inputs"))
    answer = subject.call("q_sample", *given)
    judge_by_either(
        lambda samples: expect_close(answer, samples[0], given=given),
        right,
        lambda: samples_of_own_moments(subject, [given], right),
    )


def _long_samples(seed: int) -> tuple[tuple[Array, ...], list[Expected]]:
    """Arguments of q_sample, and the reference's answer."""
    inputs = long_inputs(seed)
    given = tuple(inputs[name] for name in ("x0", "t", "noise", "alphas_cumprod"))
    return given, [Expected(ddpm.q_sample(*tensors(given)).numpy(), forward_size(inputs))]


@check("prior", points=0.5)
def prior_kl_agrees_on_images(subject: Subject, seed: Callable[[str], int]) -> None:
    """The divergence is right for whole images, at the end of long chains and of short ones."""
    rng = np.random.default_rng(seed("images"))
    given, expected = [], []
    for steps in (1, 10, 100, 1000):
        left = np.cumprod(1 - np.linspace(1e-4, 0.02, 1000)[:steps]).astype(np.float32)
        x0 = rng.uniform(-1, 1, (IMAGES, 1, 8, 8)).astype(np.float32)
        value = ddpm.prior_kl(*tensors((x0, left))).numpy()
        # 1 - alpha-bar under the logarithm is off by one rounding of alpha-bar.
        entries = left[-1] * x0**2 + 3 - np.log(1 - left[-1]) + 1 / (1 - left[-1])
        given.append({"x0": x0, "alphas_cumprod": left})
        expected.append(Expected(value, entries.sum(axis=(1, 2, 3))))
    answers = subject.map("prior_kl", [tuple(each.values()) for each in given])
    expect_all_close(answers, expected, given=given)


@check("posterior", points=0.5)
@forgiving("alphas_cumprod", "posterior_variance")
def posterior_agrees_at_every_timestep(subject: Subject, seed: Callable[[str], int]) -> None:
    """Mean and variance of the posterior are right at each of 1000 timesteps."""
    names = ("x0", "x_t", "t", "betas")
    _pairs_agree(subject, "posterior", ddpm.posterior, names, seed("inputs"), reverse_size)


def _pairs_agree(
    subject: Subject,
    name: str,
    right: Callable[..., Any],
    arguments: Sequence[str],
    seed: int,
    size: Callable[[Inputs], Array],
) -> None:
    inputs = long_inputs(seed)
    given = {argument: inputs[argument] for argument in arguments}
    answer = subject.call(name, *given.values())
    (mean,), (variance,) = two_parts([answer], [inputs["x0"]], name)
    expected, spread = (part.numpy() for part in right(*tensors(list(given.values()))))
    expect_close(mean, Expected(expected, size(inputs)), given=given)
    whole = np.broadcast_to(spread, inputs["x0"].shape)
    roundings = np.broadcast_to(at(rounding(inputs["betas"]), inputs["t"], whole), whole.shape)
    at_most = np.maximum(whole, at(inputs["betas"], inputs["t"], whole))
    expect_close(variance, Expected(whole, roundings * at_most), given=given)


@check("full-kl", points=0.5)
def full_kl_agrees_in_many_dimensions(subject: Subject, seed: Callable[[str], int]) -> None:
    """The divergence is right for correlated Gaussians of up to twelve dimensions, in batches."""
    rng = np.random.default_rng(seed("gaussians"))
    given, expected = [], []
    for size in (2, 5, 12):
        roots = rng.normal(0, 1, (2, PAIRS, size, size))
        cov_a, cov_b = roots @ roots.swapaxes(-1, -2) + np.eye(size)
        mean_a, mean_b = rng.normal(0, 1, (2, PAIRS, size))
        pair = Pair(*(part.astype(np.float32) for part in (mean_a, cov_a, mean_b, cov_b)))
        value = ddpm.gaussian_kl_full(*tensors(pair)).numpy()
        precision = np.linalg.inv(cov_b)
        terms = np.abs(precision * cov_a).sum((-1, -2)) + np.abs(value) + 2 * size
        condition = size * (np.linalg.cond(cov_a) + np.linalg.cond(cov_b))
        given.append(pair)
        expected.append(Expected(value, terms * condition))
    expect_all_close(subject.map("gaussian_kl_full", given), expected, given=given)


@check("loss", points=0.5)
def loss_agrees_on_long_chains(subject: Subject, seed: Callable[[str], int]) -> None:
    """The loss is right for a batch that holds each of 1000 timesteps."""
    given, right = _long_samples(seed("inputs"))
    answer = subject.call("diffusion_loss", Callback(KnownModel()), *given)
    x0, t, noise, _ = given

    def judge(samples: Samples) -> None:
        x_t = torch.from_numpy(samples[0].value)
        value = np.mean((noise - known_model(x_t, torch.from_numpy(t)).numpy()) ** 2)
        sizes = np.abs(noise) + np.abs(x0) + np.abs(samples[0].value) + t[:, np.newaxis] / 8
        expect_close(answer, Expected(value, np.asarray(np.mean(sizes**2))), given=given)

    judge_by_either(judge, right, lambda: own_samples(subject, [given], right))


@check("x0", points=0.25)
def x0_agrees_at_every_timestep(subject: Subject, seed: Callable[[str], int]) -> None:
    """x_0 is right at each of 1000 timesteps, far outside of the data's range, too."""
    names = ("x_t", "noise", "t", "alphas_cumprod")
    agree(subject, "x0_from_noise", ddpm_reverse.x0_from_noise, names, seed("inputs"), reverse_size)


@check("mean", points=0.25)
@forgiving("alphas_cumprod", "posterior_variance", "posterior", "x0_from_noise")
def mean_agrees_at_every_timestep(subject: Subject, seed: Callable[[str], int]) -> None:
    """The mean of x_{t-1} is right at each of 1000 timesteps."""
    names = ("x_t", "noise", "t", "betas")
    right = ddpm_reverse.mean_from_noise
    agree(subject, "mean_from_noise", right, names, seed("inputs"), reverse_size)


@check("reverse", points=0.25)
@forgiving("alphas_cumprod", "posterior_variance", "posterior", "x0_from_noise", "mean_from_noise")
def reverse_step_agrees_at_every_timestep(subject: Subject, seed: Callable[[str], int]) -> None:
    """A reverse step with the posterior's variance is right at each of 1000 timesteps."""
    inputs = long_inputs(seed("inputs"))
    given = {name: inputs[name] for name in ("x_t", "t", "noise", "betas")}
    variances = ddpm.posterior_variance(*tensors([inputs["betas"]])).numpy()
    given["variances"] = variances.astype(np.float32)
    expected = ddpm_reverse.p_sample(known_model, *tensors(list(given.values()))).numpy()
    answer = subject.call("p_sample", Callback(KnownModel()), *given.values())
    expect_close(answer, Expected(expected, _size_of_a_step(**given)), given=given)


def _size_of_a_step(x_t: Array, t: Array, noise: Array, betas: Array, variances: Array) -> Array:
    """Sum of the absolute terms of a reverse step, with what the schedule's rounding adds."""
    _, variance = chain(betas)
    taken_out = at(betas / np.sqrt(variance), t, x_t) * np.abs(KnownModel.noise(x_t, t))
    growth = at(rounding(betas) / np.sqrt(1 - betas), t, x_t)
    fresh = at(np.sqrt(variances), t, x_t) * np.abs(noise)
    return np.asarray(growth * (np.abs(x_t) + taken_out) + fresh)


def known_model(x_t: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
    """`KnownModel` for the reference."""
    return torch.from_numpy(KnownModel()(x_t.numpy(), t.numpy()))


# Terms of one t differ by a sixth between images; 4.9 + 4.8 standard errors of a sixth of 4 bits
# over sqrt(360) separate the two error rates of 1e-6.
NOISE = Detectable(n=360, deviations={"bits per dimension": 0.35})


@check("bpd-test", points=1.5, alpha=1e-6, detects=NOISE)
def bound_on_held_out_images_is_low(
    subject: Subject, held_out: Array, question: Any, seed: Callable[[str], int]
) -> None:
    """The variational bound of the trained model is low on images that the notebook never saw."""
    rng = np.random.default_rng(seed("noise"))
    limits = question.threshold
    measured = measure_bpd(subject, held_out, rng, alpha=1e-6, scale=limits)
    value, low, high = measured
    evidence(recomputed={"bpd": measured})
    # The noise of the measurement is ours, so the student has the lower end of the interval.
    credit(
        benefit(measured, limits),
        f"The bound of your model is {value:.2f} bits per dimension on held-out images ({low:.2f} "
        f"to {high:.2f}). Full marks begin at {limits.full:g}, none are left at {limits.zero:g}.",
    )
