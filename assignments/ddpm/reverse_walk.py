"""What a sampler did, step by step, read off from what the network was shown on the way."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from assignments.ddpm.definitions import chain, rounding
from assignments.ddpm.watcher import Shown, Watcher, timestep_behind
from grader.checks import (
    Array,
    CheckFailure,
    Expected,
    as_array,
    expect,
    expect_close,
    expect_shape,
    expect_standard_normal,
)

ROWS, COLUMNS, ALPHA = 256, 16, 1e-9
SHAPE = (ROWS, COLUMNS)


class Walk(NamedTuple):
    """A sampler's way from x_T to x_0.

    Attributes:
        calls: what the network was shown, in order.
        end: what came out.
    """

    calls: Sequence[Shown]
    end: Array


def walk(sampler: Callable[[Watcher], Any], shape: tuple[int, ...] = SHAPE) -> Walk:
    """Runs a sampler with a network of the grader's.

    Raises:
        CheckFailure: it returns something of another shape, or never asks the network.
    """
    network = Watcher(of_x=0.25, fixed=4.0)
    end = last_image(sampler(network), shape)
    expect(len(network.calls) > 0, "Your sampler never asks the network.")
    for call in network.calls:
        expect_shape(call.x, shape, function="sampler, in what it shows to the network,")
    return Walk(network.calls, end.astype(np.float64))


def last_image(answer: Any, shape: tuple[int, ...]) -> Array:
    """x_0 out of what a sampler returns: alone, or first or last among the states on the way."""
    parts = answer if isinstance(answer, tuple | list) and len(answer) else [answer]
    fitting = [part for part in parts if isinstance(part, np.ndarray) and part.shape == shape]
    array = as_array(fitting[0] if len(parts) == 2 and fitting else parts[-1])
    expect_shape(array, shape)
    return array


def judge_length(taken: Walk, steps: int) -> None:
    """Demands one step for each timestep.

    Raises:
        CheckFailure: there are more or fewer, or the last answer of the network goes unused.
    """
    count = len(taken.calls)
    expect(
        count == steps,
        f"Your sampler asks the network {count} times; a chain of T = {steps} has {steps} steps "
        "back. Which one is missing or too many?",
    )
    unused = np.array_equal(taken.calls[-1].x, taken.end)
    expect(not unused, "What your sampler returns is x_1: its last step was not taken.")


def judge_times(taken: Walk, times: Mapping[float, int] | None, steps: int) -> None:
    """Demands times that fall step by step, each of them that of training.

    Args:
        taken: the walk.
        times: timestep of each time that training tells; None where that is not known.
        steps: T.

    Raises:
        CheckFailure: a time is not that of its step.
    """
    told = np.stack([call.time for call in taken.calls])  # (steps taken, B)
    expect(told == told[:, :1], "Within one step your sampler tells examples different times.")
    falling = np.diff(told[:, 0]) < 0
    expect(falling, "The times that your sampler tells the network do not fall at every step.")
    if times is None:
        return
    for place, time in enumerate(told[:, 0].tolist()):
        t = steps - place
        behind = timestep_behind(time, times)
        if behind != t:
            what = "never" if behind is None else f"for the noise level of t = {behind}"
            one_below = np.array_equal(told[:, 0], np.arange(steps - 1, -1, -1))
            raise CheckFailure(
                f"At t = {t} your sampler tells the network the time {time:g}; your training tells "
                f"it that {what} (t from 1 to {steps}).",
                shows=["sampling/told-from-zero"] if one_below else [],
            )


def means(taken: Walk, betas: Array) -> list[Array]:
    """Mean of x_{t-1} under each step's predicted noise, in the order of the walk."""
    _, variance = chain(betas)
    wide = betas.astype(np.float64)
    return [
        (call.x - wide[i] / np.sqrt(variance[i]) * call.answer) / np.sqrt(1 - wide[i])
        for i, call in zip(range(len(betas) - 1, -1, -1), taken.calls, strict=False)
    ]


def judge_start(taken: Walk, alpha: float = ALPHA) -> None:
    """Demands standard normal noise at x_T.

    Raises:
        CheckFailure: it has another law.
    """
    expect_standard_normal(taken.calls[0].x, alpha=alpha, function="sampler, at x_T,")


def posterior_variances(betas: Array) -> Array:
    """Variance of x_{t-1} given x_t and x_0, (T,)."""
    _, variance = chain(betas)
    return np.asarray(betas * np.r_[0.0, variance[:-1]] / variance)


def judge_steps(taken: Walk, betas: Array, allowed: Sequence[Array], alpha: float = ALPHA) -> None:
    """Demands steps that draw around their means, all with one of the schedules of variances.

    Args:
        taken: the walk.
        betas: (T,).
        allowed: variances of the steps, each (T,); the last is what a failure speaks of.
        alpha: shared by them.

    Raises:
        CheckFailure: the draws have another law.
    """
    judge_length(taken, len(betas))
    after = [call.x for call in taken.calls[1:]]
    drawn = [x - mean for x, mean in zip(after, means(taken, betas), strict=False)]
    for place, variances in enumerate(allowed, start=1):
        try:
            _expect_draws(drawn, variances[:0:-1], alpha / len(allowed))
            return
        except CheckFailure:
            if place == len(allowed):
                raise


def _expect_draws(drawn: Sequence[Array], variances: Array, alpha: float) -> None:
    """Demands normal draws of these variances, from T down to 2; rows belong to examples."""
    parts = [d / np.sqrt(v) for d, v in zip(drawn, variances, strict=True)]
    rows = np.concatenate([part.reshape(len(part), -1) for part in parts], axis=1)
    expect_standard_normal(rows, alpha=alpha, function="sampler")


def judge_end(taken: Walk, betas: Array) -> None:
    """Demands that the last step adds nothing to its mean.

    Raises:
        CheckFailure: x_0 is not the mean of the last step.
    """
    judge_length(taken, len(betas))
    last = taken.calls[-1]
    size = (np.abs(last.x) + np.abs(last.answer)) * rounding(betas)[0]
    expected = Expected(means(taken, betas)[-1], size, "the mean of the last step")
    expect_close(taken.end.astype(np.float32), expected, function="sampler's last step")
