"""Checks of IFT6135's `DenoiseDiffusion.loss`, by what it shows to the network."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import count
from typing import Any, TypeAlias

import numpy as np

from assignments.ddpm import learning, training_draws
from assignments.ddpm.dialects.ift6135_parts import (
    SIDE,
    Seed,
    all_times,
    asked,
    by_its_time,
    data,
    model,
    noise,
    noised,
    schedule,
)
from assignments.ddpm.own_answers import judge_by_either
from assignments.ddpm.training_draws import detectable_times, expect_squared_error, shown_by
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
    judge_by_any,
)
from grader.errors import SubjectError

ALPHA, STEPS = training_draws.ALPHA, training_draws.STEPS
SHAPE = (training_draws.ROWS, *SIDE)


def _trained(
    subject: Subject, seed: Seed, *given: Array
) -> Callable[[Callable[..., Any], Array], Any]:
    """A step of training; each has a seed of its own."""
    numbers = count()

    def step(network: Callable[..., Any], x0: Array) -> Any:
        one_seed = seed(f"step {next(numbers)}")
        made = model(subject, network, STEPS)
        return subject.call(made, x0, *given, method="loss", seed=one_seed)

    return step


# The t that stands behind each time which a network is told.
Times: TypeAlias = Mapping[float, int]
_OF_THE_SHEET: Times = {float(t): t for t in range(STEPS)}


@check("simple-loss", points=1, alpha=ALPHA, detects=detectable_times())
def loss_trains_every_timestep(subject: Subject, seed: Seed) -> None:
    """Each example draws a t of its own, and each of 0 to n_steps - 1 comes up equally often."""
    step = _trained(subject, seed)
    shown, _ = shown_by(step, data(SHAPE[0]))
    for times in (times_of_the_reverse_step(subject), _OF_THE_SHEET):
        try:
            t = _timesteps(shown, times)
        except CheckFailure:
            continue
        return training_draws.judge_counts(t + 1, STEPS)
    # What it tells is marked down below; how much noise there is tells the time, too.
    return training_draws.judge_times(step, schedule(STEPS), SHAPE)


@check("simple-loss", points=1)
def loss_noises_with_the_noise_given(subject: Subject, seed: Seed) -> None:
    """The network is shown x_t of the noise that is given, and told the t that belongs to it."""
    judge_by_any(
        lambda times: _expect_noised(subject, seed, times),
        _OF_THE_SHEET,
        [lambda: times_of_the_reverse_step(subject)],
    )


def _expect_noised(subject: Subject, seed: Seed, times: Times) -> None:
    """Demands the x_t that belongs to the t which the network is told, if it is told as here."""
    x0, eps = data(SHAPE[0]), noise(SHAPE[0])
    step = _trained(subject, seed, eps)
    shown, _ = shown_by(lambda network, given: step(by_its_time(network), given), x0)
    t = _timesteps(shown, times)

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


def times_of_the_reverse_step(subject: Subject) -> Times:
    """What p_xt_prev_xt tells the network at each t; the t itself where that says nothing."""
    t = all_times(STEPS)
    network = Watcher()
    try:
        subject.call(model(subject, network, STEPS), data(STEPS), t, method="p_xt_prev_xt")
    except SubjectError:
        network.calls.clear()
    told = network.calls[-1].time.tolist() if network.calls else []
    if len(set(told)) < STEPS:
        return _OF_THE_SHEET  # marked down where the reverse step is asked for
    return dict(zip(told, t.tolist(), strict=True))


def loss_tells_the_same(subject: Subject, seed: Seed) -> bool:
    """Whether training tells the network what the reverse step does, as far as one can say."""
    times = times_of_the_reverse_step(subject)
    for known, same in ((times, True), (_OF_THE_SHEET, False)):
        try:
            _expect_noised(subject, seed, known)
        except (CheckFailure, SubjectError):
            continue
        return same
    try:  # a loss that is wrong otherwise may tell the same all the same
        _timesteps(shown_by(_trained(subject, seed), data(SHAPE[0]))[0], times)
    except SubjectError:
        return True
    except CheckFailure:
        return False
    return True


def _timesteps(shown: Shown, times: Times) -> Array:
    """The t that stands behind each time that the loss tells.

    Raises:
        CheckFailure: none stands behind one of them.
    """
    found = [timestep_behind(time, times) for time in shown.time.tolist()]
    for time, behind in zip(shown.time.tolist(), found, strict=True):
        if behind is None:
            raise CheckFailure(
                f"Your loss tells the network the time {time:g}. That is no t from 0 to "
                f"{STEPS - 1}, and your reverse step never tells it, either."
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
