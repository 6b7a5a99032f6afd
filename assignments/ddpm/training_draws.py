"""What a training step drew, read off from what the network was shown.

Data far larger than the noise give away by which factor each example was scaled, and so its t.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
from scipy import special

from assignments.ddpm.definitions import at, chain, rounding
from assignments.ddpm.watcher import Shown, Watcher, timestep_behind, whole
from grader.checks import (
    Array,
    CheckFailure,
    Detectable,
    Expected,
    as_array,
    evidence,
    expect,
    expect_close,
)
from grader.checks.recording import spend

# A step of training: takes the grader's network and data, returns the loss.
Step: TypeAlias = Callable[[Watcher, Array], Any]

ROWS, COLUMNS, ALPHA = 512, 16, 1e-9
STEPS = 10
SHAPE = (ROWS, COLUMNS)
_LARGE = 1e4
# In standard errors of a factor: a right step strays that far once in 1e15 factors.
_REACH = 8.0


def small_data(shape: tuple[int, ...] = SHAPE) -> Array:
    """Data of the size of the noise, float32."""
    return np.resize(np.asarray([1.0, -2.0, 0.5, 1.5, -0.75], np.float32), shape)


def shown_by(step: Step, data: Array) -> tuple[Shown, Any]:
    """What the network was shown of the data, and the loss.

    Raises:
        CheckFailure: the network was not shown each example once.
    """
    network = Watcher()
    loss = step(network, data)
    count = sum(len(call.x) for call in network.calls)
    expect(
        count == len(data) and all(call.x.shape[1:] == data.shape[1:] for call in network.calls),
        f"For {len(data)} examples of shape {data.shape[1:]} your network is shown {count} in "
        f"{len(network.calls)} calls; training needs one noised example of the same shape each.",
    )
    return whole(network.calls), loss


def timesteps(shown: Shown, data: Array, betas: Array) -> Array:
    """The t of each example, from 1 to T, by the factor that its large data were scaled with.

    Raises:
        CheckFailure: no timestep scales data like that.
    """
    signal, _ = chain(betas)
    flat, seen = data.reshape(len(data), -1).astype(np.float64), shown.x.reshape(len(data), -1)
    factors = (flat * seen).sum(axis=1) / (flat**2).sum(axis=1)
    away = np.abs(factors[:, np.newaxis] - signal)  # (B, T)
    reach = _REACH / np.sqrt((flat**2).sum(axis=1)) + 1e-5
    strange = ~(away.min(axis=1) <= reach)
    if strange.any():
        raise CheckFailure(
            f"Your training shows the network x_0 scaled by {factors[strange][0]:.4g}; at no "
            "timestep of the chain that much of it is left."
        )
    return np.asarray(away.argmin(axis=1) + 1)


def large_data(shape: tuple[int, ...] = SHAPE) -> Array:
    """Data that drown the noise, of either sign, float32."""
    return np.resize(np.asarray([1.0, -1.0, -1.0], np.float32), shape) * np.float32(_LARGE)


def times_of(step: Step, betas: Array, shape: tuple[int, ...] = SHAPE) -> dict[float, int]:
    """The timestep that stands behind each time which the network is told.

    Raises:
        CheckFailure: a time stands for two timesteps, or a timestep has two times.
    """
    data = large_data(shape)
    shown, _ = shown_by(step, data)
    pairs = sorted(
        set(zip(timesteps(shown, data, betas).tolist(), shown.time.tolist(), strict=True))
    )
    found = {time: t for t, time in pairs}
    one_each = len(found) == len(pairs) == len(set(found.values()))
    expect(
        one_each,
        "The time that your training tells the network does not say how much noise it is shown: "
        "the two do not belong together one to one.",
    )
    return found


def judge_times(step: Step, betas: Array, shape: tuple[int, ...] = SHAPE) -> None:
    """Demands that every timestep is trained, and equally often.

    Raises:
        CheckFailure: one is never drawn, or far too often.
    """
    data = large_data(shape)
    shown, _ = shown_by(step, data)
    try:
        t = timesteps(shown, data, betas)
    except CheckFailure:
        told, places = np.unique(shown.time, return_inverse=True)
        if len(told) != len(betas):
            raise
        t = places + 1  # the noise level is marked down elsewhere
    judge_counts(t, len(betas))


def judge_counts(t: Array, steps: int) -> None:
    """Demands that timesteps 1 to `steps` come up equally often.

    Raises:
        CheckFailure: one is never drawn, or far too often.
    """
    counts = np.bincount(t, minlength=steps + 1)[1:]
    evidence(drawn={str(i + 1): int(count) for i, count in enumerate(counts)})
    expect(
        counts.max() < len(t),
        f"All of {len(t)} examples share one timestep. Does each draw its own?",
        shows=("draws/one-t-for-the-batch", "draws/always-the-last")[: 1 + int(t[0] == steps)],
    )
    never = [str(i + 1) for i, count in enumerate(counts) if count == 0]
    expect(
        not never,
        f"Among {len(t)} examples your training never draws the noise level of t = "
        f"{', '.join(never)} (t from 1 to {steps}). Sampling passes through it, too.",
        shows={"1": ["draws/first-never-drawn"], str(steps): ["draws/last-never-drawn"]}.get(
            ", ".join(never), ()
        ),
    )
    spend(ALPHA)
    share = 1 / steps
    tails = np.minimum(
        special.bdtr(counts, len(t), share), special.bdtrc(counts - 1, len(t), share)
    )
    uneven = 2 * tails * steps < ALPHA
    expect(
        ~uneven,
        "Your training does not draw all timesteps equally often: see how often each one came.",
        drawn=counts.tolist(),
    )


def detectable_times() -> Detectable:
    """What `judge_times` sees: a timestep that is never drawn, or drawn far too often."""
    missed = (1 - 1 / STEPS) ** ROWS * STEPS
    assert missed < ALPHA
    return Detectable(ROWS, {"share of a timestep": 1 / STEPS})


def residuals(step: Step, betas: Array, shape: tuple[int, ...] = SHAPE) -> tuple[Array, Array]:
    """Noise that training added, in units of its standard deviation, and each example's t.

    Raises:
        CheckFailure: the times that the network is told do not stand for timesteps.
    """
    shown, _ = shown_by(step, small_data(shape))
    return noise_in(shown, small_data(shape), known_timesteps(shown, step, betas, shape), betas)


def known_timesteps(
    shown: Shown, step: Step, betas: Array, shape: tuple[int, ...] = SHAPE
) -> Array:
    """The t of each example by the time that the network was told.

    Raises:
        CheckFailure: that time was never told with large data.
    """
    times = times_of(step, betas, shape)
    found = [timestep_behind(time, times) for time in shown.time.tolist()]
    expect(None not in found, "The times that your training tells the network depend on the data.")
    return np.asarray(found)


def noise_in(shown: Shown, data: Array, t: Array, betas: Array) -> tuple[Array, Array]:
    """The noise in what was shown, shape (B, ...), and `t`."""
    signal, variance = chain(betas)
    mean = at(signal, t, data) * data.astype(np.float64)
    return np.asarray((shown.x - mean) / np.sqrt(at(variance, t, data))), t


def judge_loss(step: Step, betas: Array, shape: tuple[int, ...] = SHAPE) -> None:
    """Demands the squared error of the predicted noise, averaged or summed over the entries.

    Either for each example, or averaged over the batch.

    Raises:
        CheckFailure: it is something else.
    """
    data = small_data(shape)
    shown, loss = shown_by(step, data)
    noise, t = noise_in(shown, data, known_timesteps(shown, step, betas, shape), betas)
    _, variance = chain(betas)
    blurred = (np.abs(shown.x) + np.abs(data)) / np.sqrt(at(variance, t, data))
    size = np.abs(noise) + np.abs(shown.answer) + blurred
    growth = float(rounding(betas).max())
    found = as_array(loss)
    if found.shape == data.shape and data.ndim > 1:
        found = found.reshape(len(data), -1).mean(axis=1)  # left to whoever asks for the shape
    expect_squared_error(found, noise - shown.answer, size, growth)


def expect_squared_error(loss: Array, error: Array, size: Array, growth: float = 1.0) -> None:
    """Demands mean or sum of `error` squared over the entries, and no other loss.

    Args:
        loss: for each example, or one number for the batch.
        error: shape (B, ...).
        size: sum of the absolute terms of the error, (B, ...).
        growth: of the error's roundings, where its noise was solved for.
    """
    rows, says = len(error), "the squared error of the predicted noise"
    squares, scales = (part.reshape(rows, -1) ** 2 for part in (error, size))
    mean = Expected(squares.mean(axis=1), growth * scales.mean(axis=1), says)
    if loss.size != rows:
        expect(
            loss.size == 1,
            f"Your loss has shape {loss.shape}: neither one number for each of {rows} examples, "
            "nor one for all of them.",
        )
        mean = Expected(squares.mean(), growth * scales.mean(), says)
    found = loss.reshape(mean.value.shape).astype(np.float32)
    try:
        entries = squares.shape[1]
        assert mean.scale is not None
        expect_close(found, Expected(mean.value * entries, mean.scale * entries, says))
    except CheckFailure:
        expect_close(found, mean)
