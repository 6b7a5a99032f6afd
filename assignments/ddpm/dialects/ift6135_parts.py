"""IFT6135's `DenoiseDiffusion(eps_model, n_steps, device)`: what it is asked, and what is right.

t counts from 0 there, schedules run from 1e-4 to 0.02, and the reverse step has the variance beta.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from assignments.ddpm.definitions import at, chain
from assignments.ddpm.watcher import Watcher
from grader.checks import Array, Callback, Expected, Handle, Subject

SIDE = (1, 4, 4)
LENGTHS = (4, 10, 100)
Seed = Callable[[str], int]


def schedule(steps: int) -> Array:
    """Betas of the sheet, shape (T,), float64."""
    return np.linspace(1e-4, 0.02, steps)


def model(subject: Subject, network: Callable[..., Any], steps: int) -> Handle:
    """The student's class around the grader's network."""
    return subject.new("DenoiseDiffusion", Callback(network), steps, "cpu")


def by_its_time(network: Watcher) -> Callable[..., Array]:
    """The network, with a prediction that grows with the time: what is answered tells it, too."""

    def shown(*args: Any, **kwargs: Any) -> Array:
        answer = network(*args, **kwargs)
        told = network.calls[-1].time.reshape(-1, *[1] * (answer.ndim - 1))
        return np.asarray(answer + told.astype(answer.dtype))

    return shown


def images(count: int, values: tuple[float, ...]) -> Array:
    """Images (B, 1, 4, 4) that hold these values in turn, float32."""
    return np.resize(np.asarray(values, np.float32), (count, *SIDE))


def data(count: int) -> Array:
    """Images of the size of the noise."""
    return images(count, (1.0, -2.0, 0.5, 1.5, -0.75))


def noise(count: int) -> Array:
    """Numbers as standard normal noise may be."""
    return images(count, (0.5, 1.0, -1.25, -0.5, 2.0, -0.25, 1.5))


def all_times(steps: int) -> Array:
    """Every t from the last to 0."""
    return np.arange(steps)[::-1].copy()


def moments(x0: Array, t: Array, betas: Array) -> tuple[Expected, Expected]:
    """Mean and variance of x_t given x_0, (B, ...); a product of t factors rounds t times."""
    signal, variance = chain(betas)
    kept, spread = at(signal, t + 1, x0), at(variance, t + 1, x0)
    times = 1.0 + t.reshape(-1, *[1] * (x0.ndim - 1))
    whole = np.broadcast_to(spread, x0.shape)
    return (
        Expected(kept * x0, times * np.abs(kept * x0), "the mean of the chain at t"),
        Expected(whole, np.broadcast_to(times, x0.shape), "the variance of the chain at t"),
    )


def noised(x0: Array, t: Array, eps: Array, betas: Array) -> Expected:
    """x_t of this noise."""
    mean, variance = moments(x0, t, betas)
    return by_moments(mean.value, variance.value, t, eps)


def by_moments(mean: Array, variance: Array, t: Array, eps: Array) -> Expected:
    """x_t of this noise under a mean and a variance."""
    times = 1.0 + t.reshape(-1, *[1] * (mean.ndim - 1))
    std = np.sqrt(np.maximum(variance, 0))
    scale = times * (np.abs(mean) + (std + 1 / (2 * np.maximum(std, 1e-3))) * np.abs(eps))
    return Expected(mean + std * eps, scale, "x_t of the chain with this noise")


def reverse_mean(x_t: Array, t: Array, predicted: Array, betas: Array) -> Expected:
    """Mean of x_{t-1} given x_t and the predicted noise."""
    _, variance = chain(betas)
    beta, left = at(betas, t + 1, x_t), at(variance, t + 1, x_t)
    scale, root = beta / np.sqrt(left), np.sqrt(1 - beta)
    times = 1.0 + t.reshape(-1, *[1] * (x_t.ndim - 1))
    # Through x_0 both weights are divided by 1 - alpha-bar, which keeps the size of its roundings.
    size = (np.abs(x_t) + np.abs(predicted)) * (1 + times / left) / root
    return Expected((x_t - scale * predicted) / root, size, "the mean of the sheet's reverse step")


def asked(subject: Subject, method: str, steps: int, *given: Any, seed: int = 1) -> Any:
    """What a method answers where the network plays no part."""
    return subject.call(model(subject, Watcher(), steps), *given, method=method, seed=seed)
