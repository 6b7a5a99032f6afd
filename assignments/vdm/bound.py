"""The three-term bound by definition, for a model that is known."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from assignments.vdm.definitions import (
    betas_of,
    chain,
    consistency,
    log_density,
    noised,
    posterior,
    prior_kl,
    size_of,
)
from grader.checks import Array, CheckFailure, Expected
from grader.errors import SubjectError

TERMS = ("reconstruction", "prior_matching", "consistency")
LogDensity: TypeAlias = Callable[[Array, Expected, float], Expected]
Consistency: TypeAlias = Callable[[Array, Expected, Array, Array], Expected]


class KnownModel:
    """Predicts x_0 from every entry of x_t and from t, and is never right.

    Args:
        slope: of x_t.
        rate: of t.
        shift: a constant.
    """

    def __init__(self, slope: float = 0.5, rate: float = 0.125, shift: float = 0.0) -> None:
        self._slope, self._rate, self._shift = slope, rate, shift

    def __call__(self, x_t: Any, t: Any) -> Array:
        """Predicted x_0 of the shape and precision of x_t."""
        seen, when = np.asarray(x_t), np.asarray(t)
        if when.ndim > seen.ndim or any(
            own not in (1, whole) for own, whole in zip(when.shape, seen.shape, strict=False)
        ):
            raise ValueError(f"t has shape {when.shape} for x_t of shape {seen.shape}")
        return self.predict(seen, when).astype(seen.dtype)

    def expected(self, x_t: Expected, step: int) -> Expected:
        """The prediction at one timestep of x_1 to x_T, (B, ...)."""
        assert x_t.scale is not None
        value, size = x_t.value[step - 1], x_t.scale[step - 1]
        t = np.full(len(value), step)
        return Expected(self.predict(value, t), np.abs(self.predict(size, t)))

    def predict(self, x_t: Array, t: Array) -> Array:
        """The prediction in float64; t has the leading axes of x_t."""
        when = t.reshape(*t.shape, *[1] * (x_t.ndim - t.ndim)).astype(np.float64)
        return np.asarray(self._slope * x_t.astype(np.float64) + self._rate * when + self._shift)


def bound(
    model: KnownModel,
    x0: Array,
    noise: Array,
    left: Array,
    variance: float,
    density: LogDensity = log_density,
    divergence: Consistency = consistency,
) -> list[Expected]:
    """Reconstruction, prior matching and the summed consistency, each (B,).

    Args:
        model: known.
        x0: shape (B, ...).
        noise: shape (T, B, ...).
        left: alpha-bar, shape (T,).
        variance: of the decoder.
        density: log-density of x_0 at a prediction.
        divergence: consistency term of examples at their timesteps.
    """
    steps, examples = noise.shape[:2]
    x_t = noised(x0, noise, left)
    guesses = [model.expected(x_t, t) for t in range(1, steps + 1)]
    later = [
        divergence(x0, guesses[t - 1], np.full(examples, t), left) for t in range(2, steps + 1)
    ]
    total = np.sum([term.value for term in later], axis=0)
    sizes = np.sum([size_of(term) for term in later], axis=0)
    return [
        density(x0, guesses[0], variance),
        prior_kl(x0, left),
        Expected(total, sizes, "the KL between the posteriors, summed over t,"),
    ]


def expected_log_ratio(
    x0: float, left: Array, model: tuple[float, float], variance: float
) -> float:
    """E_q[log p(x_0:T) - log q(x_1:T | x_0)] of a model that predicts slope x_t + shift, in nats.

    From the joint covariance of the chain: the bound without being split into terms.
    """
    slope, shift = model
    signal, spread = chain(betas_of(left))
    steps = len(left)
    earlier = np.minimum.outer(np.arange(steps), np.arange(steps))
    shrink = np.minimum(np.divide.outer(signal, signal), np.divide.outer(signal, signal).T)
    mean, cov = signal * x0, shrink * spread[earlier]
    entropy = (np.linalg.slogdet(cov)[1] + steps * (1 + np.log(2 * np.pi))) / 2
    unit = np.eye(steps)
    total = entropy + _log_normal(unit[-1], 0.0, mean, cov, 1.0)
    weight, narrow = posterior(betas_of(left))
    for t in range(2, steps + 1):
        # By the law of total expectation the rest of the posterior's mean comes from x_t.
        rest = (signal[t - 2] - weight[t - 2]) / signal[t - 1]
        contrast = unit[t - 2] - (rest + slope * weight[t - 2]) * unit[t - 1]
        total += _log_normal(contrast, -weight[t - 2] * shift, mean, cov, narrow[t - 2])
    return float(total + _log_normal(-slope * unit[0], x0 - shift, mean, cov, variance))


def _log_normal(contrast: Array, offset: float, mean: Array, cov: Array, variance: float) -> float:
    """E[log N(contrast . x + offset; 0, variance)] for x from N(mean, cov)."""
    square = (contrast @ mean + offset) ** 2 + contrast @ cov @ contrast
    return float(-(square / variance + np.log(2 * np.pi * variance)) / 2)


def three_terms(answer: Any, function: str = "bound_terms") -> list[Any]:
    """The three terms out of an answer: a tuple, a list, a stacked tensor, or named ones.

    Raises:
        CheckFailure: there are not three.
        SubjectError: the call failed.
    """
    if isinstance(answer, SubjectError):
        raise answer
    if isinstance(answer, dict) and set(answer) == set(TERMS):
        return [answer[name] for name in TERMS]
    if isinstance(answer, tuple | list) and len(answer) == len(TERMS):
        return list(answer)
    if isinstance(answer, np.ndarray) and answer.ndim == 2 and len(answer) == len(TERMS):
        return list(answer)
    raise CheckFailure(
        f"Your {function} should return three tensors: reconstruction, prior matching and "
        "consistency."
    )
