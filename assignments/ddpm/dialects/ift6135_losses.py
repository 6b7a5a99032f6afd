"""Checks of IFT6135's `DenoiseDiffusion.loss`, by what it shows to the network."""

from __future__ import annotations

from itertools import count
from typing import Any

import numpy as np

from assignments.ddpm import learning, training_draws
from assignments.ddpm.dialects.ift6135_parts import (
    SIDE,
    Seed,
    all_times,
    asked,
    data,
    model,
    noise,
    noised,
    schedule,
)
from assignments.ddpm.own_answers import judge_by_either
from assignments.ddpm.training_draws import Step, detectable_times, expect_squared_error, shown_by
from assignments.ddpm.watcher import Shown, Watcher, timestep_behind
from grader.checks import (
    Array,
    CheckFailure,
    Expected,
    Subject,
    as_array,
    check,
    expect,
    expect_close,
)
from grader.errors import SubjectError

ALPHA, STEPS = training_draws.ALPHA, training_draws.STEPS
SHAPE = (training_draws.ROWS, *SIDE)


def _trained(subject: Subject, seed: Seed, *given: Array) -> Step:
    """A step of training; each has a seed of its own."""
    numbers = count()

    def step(network: Watcher, x0: Array) -> Any:
        one_seed = seed(f"step {next(numbers)}")
        made = model(subject, network, STEPS)
        return subject.call(made, x0, *given, method="loss", seed=one_seed)

    return step


@check("simple-loss", points=1, alpha=ALPHA, detects=detectable_times())
def loss_trains_every_timestep(subject: Subject, seed: Seed) -> None:
    """Each example draws a t of its own, and each of 0 to n_steps - 1 comes up equally often."""
    step = _trained(subject, seed)
    shown, _ = shown_by(step, data(SHAPE[0]))
    try:
        t = _timesteps(subject, shown)
    except CheckFailure:  # marked down below; how much noise there is tells the time, too
        training_draws.judge_times(step, schedule(STEPS), SHAPE)
    else:
        training_draws.judge_counts(t + 1, STEPS)


@check("simple-loss", points=1)
def loss_noises_with_the_noise_given(subject: Subject, seed: Seed) -> None:
    """The network is shown x_t of the noise that is given, and told the t that belongs to it."""
    x0, eps = data(SHAPE[0]), noise(SHAPE[0])
    shown, _ = shown_by(_trained(subject, seed, eps), x0)
    t = _timesteps(subject, shown)

    def own() -> list[Expected]:
        answer = as_array(asked(subject, "q_sample", STEPS, x0, t, eps))
        return [Expected(answer, right.scale)]

    right = noised(x0, t, eps, schedule(STEPS))
    whose = "loss, in what it shows to the network,"
    judge_by_either(
        lambda samples: expect_close(shown.x.astype(np.float32), samples[0], function=whose),
        [right],
        own,
    )


def _timesteps(subject: Subject, shown: Shown) -> Array:
    """The t that stands behind each time that the loss tells, as the reverse step tells it.

    Raises:
        CheckFailure: the reverse step never tells that time.
    """
    t = all_times(STEPS)
    network = Watcher()
    try:
        subject.call(model(subject, network, STEPS), data(STEPS), t, method="p_xt_prev_xt")
    except SubjectError:
        network.calls.clear()
    told = network.calls[-1].time if network.calls else t.astype(np.float64)
    if len(set(told.tolist())) < STEPS:
        told = t.astype(np.float64)  # marked down where the reverse step is asked for
    known = dict(zip(told.tolist(), t.tolist(), strict=True))
    found = [timestep_behind(time, known) for time in shown.time.tolist()]
    for time, behind in zip(shown.time.tolist(), found, strict=True):
        if behind is None:
            raise CheckFailure(
                f"Your loss tells the network the time {time:g}, which your reverse step never "
                f"does; it tells {', '.join(f'{each:g}' for each in sorted(known))}."
            )
    return np.asarray(found)


@check("simple-loss", points=1)
def loss_is_the_squared_error(subject: Subject, seed: Seed) -> None:
    """The loss is the squared error of the predicted noise, averaged over the batch."""
    x0, eps = data(SHAPE[0]), noise(SHAPE[0])
    shown, loss = shown_by(_trained(subject, seed, eps), x0)
    expect(as_array(loss).size == 1, "Your loss should be one number for the batch.")
    size = np.abs(eps) + np.abs(shown.answer)
    expect_squared_error(as_array(loss).reshape(()), eps - shown.answer, size)
    _expect_learning(subject)


def _expect_learning(subject: Subject) -> None:
    """Demands that the backward pass reaches the network's weights, at the first draw of t = 1."""
    x0 = np.asarray([1.0, -2.0], np.float32).reshape(2, 1, 1, 1)
    own = subject.new(model(subject, Watcher(), 2), x0, 1 - x0, method="loss", seed=1)
    network = learning.of_whole_times(subject, own, axes=2)
    made = subject.new("DenoiseDiffusion", network, 2, "cpu")
    for one_seed in range(1, 33):
        given = (subject, network, made, x0, 1 - x0)
        if learning.expect_learning(*given, method="loss", seed=one_seed):
            return
