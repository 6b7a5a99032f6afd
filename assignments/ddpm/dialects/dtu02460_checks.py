"""Checks of DTU's `DDPM(network, beta_1, beta_T, T)`: what its network is shown, and what it gives.

The sheet leaves open how the network is told the time (t / T in its skeleton), and whether the
squared error is summed or averaged over the entries of an example.
"""

from __future__ import annotations

from assignments.ddpm import reverse_walk, training_draws
from assignments.ddpm.dialects.dtu02460_parts import (
    BETAS,
    Seed,
    Shape,
    elbo,
    expect_learning,
    sampled,
    sampled_shape,
    trained_shape,
    with_untrained,
)
from assignments.ddpm.training_draws import STEPS, detectable_times
from assignments.ddpm.watcher import Watcher
from grader.checks import (
    CheckFailure,
    Subject,
    as_array,
    check,
    expect,
    expect_shape,
    expect_standard_normal,
)
from grader.checks.exact_null import detects
from grader.errors import SubjectError

ALPHA = training_draws.ALPHA


def batch(subject: Subject, seed: Seed) -> Shape:
    """The shape of a batch that the student's training can take."""
    return training_draws.ROWS, *trained_shape(subject, seed)


@check("negative-elbo", points=1)
def time_belongs_to_the_noise(subject: Subject, seed: Seed) -> None:
    """The network is shown x_0 scaled as the chain does at one t, and told that t."""
    training_draws.times_of(elbo(subject, seed), BETAS, batch(subject, seed))


@check("negative-elbo", points=1, alpha=ALPHA, detects=detectable_times())
def every_timestep_is_trained(subject: Subject, seed: Seed) -> None:
    """Each example draws a timestep of its own; each of 1 to T comes up equally often."""
    training_draws.judge_times(elbo(subject, seed), BETAS, batch(subject, seed))


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
    shape = batch(subject, seed)
    noise, _ = training_draws.residuals(elbo(subject, seed), BETAS, shape)
    expect_standard_normal(noise, alpha=ALPHA, function="noise in x_t, divided by its scale,")


@check("negative-elbo", points=1)
def elbo_is_the_squared_error(subject: Subject, seed: Seed) -> None:
    """The term is the squared error of the predicted noise, and teaches the network."""
    shape = batch(subject, seed)
    training_draws.judge_loss(elbo(subject, seed), BETAS, shape)
    expect_learning(subject, shape[1:], seed("one"))


@check("negative-elbo", points=0.5)
def elbo_has_one_entry_for_each_example(subject: Subject, seed: Seed) -> None:
    """The negative ELBO is not averaged over the batch: it has shape (B,)."""
    shape = trained_shape(subject, seed)
    for rows in (3, 5):
        data = training_draws.small_data((rows, *shape))
        answer = as_array(elbo(subject, seed)(Watcher(), data))
        expect(
            answer.size > 1,
            f"Your negative_elbo gives one number for {rows} examples. The sheet asks for one for "
            "each of them; its training loop, and no one before it, averages over the batch.",
        )
        found = answer.reshape(-1) if answer.shape == (rows, 1) else answer
        expect_shape(found, (rows,), function="negative_elbo")


def walked(subject: Subject, seed: Seed) -> reverse_walk.Walk:
    """The way that the student's sampler takes."""
    shape = (reverse_walk.ROWS, *sampled_shape(subject, seed))
    return reverse_walk.walk(sampled(subject, shape, seed("walk")), shape)


@check("ancestral-sampling", points=1.5)
def sampler_takes_every_step(subject: Subject, seed: Seed) -> None:
    """The sampler takes T steps, and the last one gives what it returns."""
    reverse_walk.judge_length(walked(subject, seed), STEPS)


@check("ancestral-sampling", points=1)
def sampler_tells_the_time_as_training_does(subject: Subject, seed: Seed) -> None:
    """From T down to 1 the network is told the times that it was trained with."""
    taken = walked(subject, seed)
    try:
        trained = training_draws.times_of(elbo(subject, seed), BETAS, batch(subject, seed))
        times = with_untrained(trained, taken)
    except (CheckFailure, SubjectError):
        times = None  # marked down where training is asked for
    reverse_walk.judge_times(taken, times, STEPS)


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
