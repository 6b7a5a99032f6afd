"""Checks of DTU's `DDPM(network, beta_1, beta_T, T)`: what its network is shown, and what it gives.

The sheet leaves open how the network is told the time (t / T in its skeleton), and whether the
squared error is summed or averaged over the entries of an example.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Any

import numpy as np

from assignments.ddpm import learning, reverse_walk, training_draws
from assignments.ddpm.training_draws import Step, detectable_times
from assignments.ddpm.watcher import Watcher
from grader.checks import (
    Array,
    Callback,
    CheckFailure,
    Handle,
    Subject,
    as_array,
    check,
    expect_shape,
    expect_standard_normal,
)
from grader.checks.exact_null import detects
from grader.errors import SubjectError

ALPHA = training_draws.ALPHA
FIRST, LAST, STEPS = 0.1, 0.5, training_draws.STEPS
BETAS = np.linspace(FIRST, LAST, STEPS)
Seed = Callable[[str], int]


def model(subject: Subject, network: Watcher | Handle) -> Handle:
    """The student's model around the grader's network, with a short chain of large steps."""
    inner = Callback(network) if isinstance(network, Watcher) else network
    takes = subject.definition("DDPM").parameters
    if {"beta_1", "beta_T", "T"} <= set(takes):
        return subject.new("DDPM", inner, beta_1=FIRST, beta_T=LAST, T=STEPS)
    return subject.new("DDPM", inner, FIRST, LAST, STEPS)


def elbo(subject: Subject, seed: Seed) -> Step:
    """A step of training; each has a seed of its own."""
    numbers = count()

    def step(network: Watcher, data: Array) -> Any:
        one_seed = seed(f"step {next(numbers)}")
        made = model(subject, network)
        return subject.call(made, data, method="negative_elbo", seed=one_seed)

    return step


@check("negative-elbo", points=1)
def time_belongs_to_the_noise(subject: Subject, seed: Seed) -> None:
    """The network is shown x_0 scaled as the chain does at one t, and told that t."""
    training_draws.times_of(elbo(subject, seed), BETAS)


@check("negative-elbo", points=1, alpha=ALPHA, detects=detectable_times())
def every_timestep_is_trained(subject: Subject, seed: Seed) -> None:
    """Each example draws a timestep of its own; each of 1 to T comes up equally often."""
    training_draws.judge_times(elbo(subject, seed), BETAS)


@check(
    "negative-elbo",
    points=1.5,
    alpha=ALPHA,
    detects=detects(
        training_draws.SHAPE,
        ALPHA,
        {"elbo/variance-as-std": ("std", 0.2), "elbo/shared-noise": ("columns", 1.0)},
    ),
)
def training_noise_is_normal(subject: Subject, seed: Seed) -> None:
    """The noise in x_t is standard normal, fresh for every entry, and scaled as the chain does."""
    noise, _ = training_draws.residuals(elbo(subject, seed), BETAS)
    expect_standard_normal(noise, alpha=ALPHA, function="noise in x_t, divided by its scale,")


@check("negative-elbo", points=1)
def elbo_is_the_squared_error(subject: Subject, seed: Seed) -> None:
    """The term is the squared error of the predicted noise, and teaches the network."""
    training_draws.judge_loss(elbo(subject, seed), BETAS)
    data = training_draws.small_data((4, training_draws.COLUMNS))
    own = subject.new(model(subject, Watcher()), data, method="negative_elbo", seed=seed("one"))
    network = learning.of_scaled_times(subject, own, training_draws.COLUMNS)
    made = model(subject, network)
    learning.expect_learning(subject, network, made, data, method="negative_elbo", seed=seed("one"))


@check("negative-elbo", points=0.5)
def elbo_has_one_entry_for_each_example(subject: Subject, seed: Seed) -> None:
    """The negative ELBO is not averaged over the batch: it has shape (B,)."""
    for rows in (3, 5):
        data = training_draws.small_data((rows, training_draws.COLUMNS))
        answer = as_array(elbo(subject, seed)(Watcher(), data))
        expect_shape(answer.reshape(-1) if answer.shape == (rows, 1) else answer, (rows,))


def walked(subject: Subject, seed: Seed) -> reverse_walk.Walk:
    """The way that the student's sampler takes."""

    def sampler(network: Watcher) -> Any:
        made = model(subject, network)
        return subject.call(made, reverse_walk.SHAPE, method="sample", seed=seed("walk"))

    return reverse_walk.walk(sampler)


@check("ancestral-sampling", points=1.5)
def sampler_takes_every_step(subject: Subject, seed: Seed) -> None:
    """The sampler takes T steps, and the last one gives what it returns."""
    reverse_walk.judge_length(walked(subject, seed), STEPS)


@check("ancestral-sampling", points=1)
def sampler_tells_the_time_as_training_does(subject: Subject, seed: Seed) -> None:
    """From T down to 1 the network is told the times that it was trained with."""
    try:
        times = training_draws.times_of(elbo(subject, seed), BETAS)
    except (CheckFailure, SubjectError):
        times = None  # marked down where training is asked for
    reverse_walk.judge_times(walked(subject, seed), times, STEPS)


@check(
    "ancestral-sampling",
    points=1.5,
    alpha=ALPHA,
    detects=detects(
        (reverse_walk.ROWS, reverse_walk.COLUMNS * (STEPS - 1)),
        ALPHA / 3,
        {"sample/no-noise": ("std", 0.9), "sample/root-of-beta-over-alpha": ("std", 0.15)},
    ),
)
def sampler_draws_around_the_mean(subject: Subject, seed: Seed) -> None:
    """x_T is standard normal; each step but the last draws around the mean, with its variance."""
    taken = walked(subject, seed)
    reverse_walk.judge_start(taken, ALPHA / 3)
    both = [reverse_walk.posterior_variances(BETAS), BETAS]
    reverse_walk.judge_steps(taken, BETAS, both, 2 * ALPHA / 3)


@check("ancestral-sampling", points=1)
def last_step_gives_its_mean(subject: Subject, seed: Seed) -> None:
    """The last step adds no noise to its mean, and clips nothing."""
    reverse_walk.judge_end(walked(subject, seed), BETAS)
