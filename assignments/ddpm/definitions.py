"""What the checks of diffusion compare with: definitions written out in NumPy, never the reference.

The forward chain is composed kernel by kernel and its posterior is Bayes' rule, integrated on a
grid. Timesteps count from 1; index 0 of a schedule holds t = 1.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from grader.checks import Array, CheckFailure, Expected, Subject, as_array, evidence
from grader.checks.quadrature import gaussian_expectation
from grader.errors import SubjectError

# Of few bits each, so that 1 - beta and alpha-bar are the same numbers in every precision.
_BETAS = ((0.25,), (0.125, 0.5), (0.0625, 0.125, 0.25, 0.5, 0.75))
_DATA = (1.0, -2.0, 0.5, 3.0, -0.75, 0.25, -1.5)
_NOISE = (0.5, 1.0, -1.25, -0.5, 2.0, -0.25, 1.5, -1.0, 0.75)  # as many as to be coprime with them
# In standard deviations of what is integrated: sums over half-steps give a Gaussian's moments to
# exp(-8 pi^2), and exp(-50) is left out on either side.
_GRID = np.linspace(-10, 10, 41)


class Batch(NamedTuple):
    """Examples with their timesteps, all floating arrays of one precision.

    Attributes:
        betas: shape (T,).
        t: shape (B,), integer.
        x0: shape (B, ...).
        noise: shape (B, ...).
    """

    betas: Array
    t: Array
    x0: Array
    noise: Array

    @property
    def left(self) -> Array:
        """alpha-bar, shape (T,), in the precision of the data."""
        signal, _ = chain(self.betas)
        return (signal**2).astype(self.betas.dtype)

    @property
    def x_t(self) -> Array:
        """The noised examples, in the precision of the data."""
        return noised(self).astype(self.x0.dtype)


def schedules() -> list[Array]:
    """Betas (T,) in float32, shortest first."""
    return [np.asarray(betas, np.float32) for betas in _BETAS]


def batches() -> list[Batch]:
    """Every timestep of every schedule, simplest first; the last batches go back in time."""
    made = []
    for betas in schedules():
        forth = np.arange(1, len(betas) + 1)
        for shape, t in (((1,), forth), ((3,), forth[::-1]), ((1, 2, 2), np.tile(forth[::-1], 2))):
            size = (len(t), *shape)
            made.append(Batch(betas, t.copy(), _cycled(_DATA, size), _cycled(_NOISE, size)))
    return made


def _cycled(values: Sequence[float], shape: tuple[int, ...]) -> Array:
    return np.resize(np.asarray(values, np.float32), shape)


def chain(betas: Array) -> tuple[Array, Array]:
    """The kernels N(sqrt(1 - beta_t) x, beta_t) composed one after the other.

    Returns:
        Factor of x_0 in the mean of x_t, and variance of x_t given x_0; (T,), float64.
    """
    signal, variance = 1.0, 0.0
    signals, variances = [], []
    for beta in betas.astype(np.float64):
        signal, variance = np.sqrt(1 - beta) * signal, (1 - beta) * variance + beta
        signals.append(signal)
        variances.append(variance)
    return np.asarray(signals), np.asarray(variances)


def at(values: Array, t: Array, like: Array) -> Array:
    """The entry of a schedule for each example, shape (B, 1, ..., 1)."""
    return np.asarray(values[t - 1].reshape(-1, *[1] * (like.ndim - 1)))


def moments(batch: Batch) -> tuple[Expected, Expected]:
    """Mean and variance of x_t given x_0, both (B, ...)."""
    signal, variance = chain(batch.betas)
    says = "of the chain composed step by step"
    spread = np.broadcast_to(at(variance, batch.t, batch.x0), batch.x0.shape)
    return (
        Expected(at(signal, batch.t, batch.x0) * batch.x0, says=f"the mean {says}"),
        Expected(spread, np.ones_like(spread), f"the variance {says}"),
    )


def noised(batch: Batch) -> Array:
    """x_t in float64, from the moments of the chain."""
    mean, variance = moments(batch)
    return np.asarray(mean.value + np.sqrt(variance.value) * batch.noise)


def expected_sample(batch: Batch) -> Expected:
    """x_t with the sum of its absolute terms."""
    mean, variance = moments(batch)
    spread = _rooted(variance.value) * np.abs(batch.noise)
    return Expected(noised(batch), np.abs(mean.value) + spread, "x_t of the composed chain")


def _rooted(variance: Array) -> Array:
    """Scale of the root of what is left of one, such as 1 - alpha-bar.

    One rounding of alpha-bar moves the difference by that much, and its root by half of it over
    the root.
    """
    std = np.sqrt(variance)
    return np.asarray(std + 1 / (2 * std))


def expected_step(batch: Batch) -> Expected:
    """One kernel applied to the data as x_{t-1}."""
    beta = at(batch.betas.astype(np.float64), batch.t, batch.x0)
    kept, fresh = np.sqrt(1 - beta) * batch.x0, np.sqrt(beta) * batch.noise
    # Beta may have come back from alpha as 1 - alpha.
    scale = np.abs(kept) + _rooted(beta) * np.abs(batch.noise)
    return Expected(kept + fresh, scale, "a draw of N(sqrt(1 - beta) x, beta)")


def kl_to_prior(x0: Array, betas: Array) -> Expected:
    """E_q[log q(x_T | x_0) - log p(x_T)] by quadrature, shape (B,)."""
    signal, variance = chain(betas)
    mean = signal[-1] * x0.reshape(len(x0), -1).astype(np.float64)

    def log_ratio(z: Array, centre: Array, log_std: Array) -> Sequence[Array]:
        return [-log_std, -((z - centre) ** 2) / (2 * np.exp(2 * log_std)), z**2 / 2]

    log_std = np.full_like(mean, np.log(variance[-1]) / 2)
    says = "the expected log-ratio E_q[log q(x_T | x_0) - log p(x_T)], integrated numerically,"
    found = gaussian_expectation(log_ratio, mean, log_std, says=says)
    assert found.scale is not None
    # One rounding of alpha-bar under the logarithm of 1 - alpha-bar, for every entry.
    return Expected(found.value, found.scale + mean.shape[1] / (2 * variance[-1]), says)


def rounding(betas: Array) -> Array:
    """Growth of rounding errors in what is divided by 1 - alpha-bar, shape (T,).

    A product of t factors carries up to t roundings, and 1 - alpha-bar keeps their absolute size.
    """
    _, variance = chain(betas)
    return np.asarray(1 + 2 * np.arange(1, len(betas) + 1) / variance)


def bayes(x0: Array, x_t: Array, t: Array, betas: Array) -> tuple[Expected, Expected]:
    """Mean and variance of x_{t-1} under q(x_t | x_{t-1}) q(x_{t-1} | x_0), integrated on a grid.

    At t = 1 they are x_0 itself and zero. All arrays but `t` and `betas` have shape (B, ...).
    """
    signals, variances = chain(betas)
    signal, variance = np.r_[1.0, signals[:-1]], np.r_[0.0, variances[:-1]]
    beta = at(betas.astype(np.float64), t, x0)
    centre, std = at(signal, t, x0) * x0, np.sqrt(at(variance, t, x0))

    def log_joint(z: Array) -> Array:  # at x_{t-1} = centre + std z, but for a constant
        step = x_t - np.sqrt(1 - beta) * centre - np.sqrt(1 - beta) * std * z
        return np.asarray(-(step**2) / (2 * beta) - z**2 / 2)

    middle, width = _peak(log_joint, np.zeros(np.shape(x_t)))
    z = middle + width * _GRID.reshape(-1, *[1] * x0.ndim)  # (points, B, ...)
    densities = log_joint(z)
    weights = np.exp(densities - densities.max(axis=0))
    weights /= weights.sum(axis=0)
    shift = (weights * (z - middle)).sum(axis=0)
    spread = std**2 * (weights * (z - middle - shift) ** 2).sum(axis=0)
    mean = centre + std * (middle + shift)
    growth = at(rounding(betas), t, x0)
    # The last term is the integration's own: it rounds at the width of what it integrates.
    size = np.abs(x0) + np.abs(x_t) + np.sqrt(spread)
    return (
        Expected(mean, growth * size, "the mean by Bayes' rule"),
        Expected(
            spread, np.broadcast_to(growth * beta, spread.shape), "the variance by Bayes' rule"
        ),
    )


def _peak(log_density: Callable[[Array], Array], zero: Array) -> tuple[Array, Array]:
    """Where a Gaussian log density is largest, and its width there: from three of its values."""
    below, here, above = (log_density(zero + offset) for offset in (-1.0, 0.0, 1.0))
    curvature = 2 * here - below - above
    return (above - below) / (2 * curvature), 1 / np.sqrt(curvature)


def predicted_x0(x_t: Array, noise: Array, t: Array, betas: Array) -> Expected:
    """The x_0 from which `noise` leads to x_t, shape (B, ...)."""
    signal, variance = chain(betas)
    kept, std = at(signal, t, x_t), np.sqrt(at(variance, t, x_t))
    # 1 / alpha-bar - 1 under a root loses as many digits as 1 - alpha-bar is small.
    scale = (np.abs(x_t) + np.abs(noise) * (std + 1 / std)) / kept
    return Expected((x_t - std * noise) / kept, scale, "the x_0 that leads to x_t with this noise")


def predicted_mean(x_t: Array, noise: Array, t: Array, betas: Array) -> Expected:
    """Mean of x_{t-1} given x_t and the x_0 that the noise implies, by Bayes' rule."""
    mean, spread = bayes(predicted_x0(x_t, noise, t, betas).value, x_t, t, betas)
    kept = np.sqrt(1 - at(betas.astype(np.float64), t, x_t))
    size = (np.abs(x_t) + np.abs(noise)) / kept + np.sqrt(spread.value)
    scale = at(rounding(betas), t, x_t) * size
    return Expected(mean.value, scale, "the mean of x_{t-1} by Bayes' rule")


class Pair(NamedTuple):
    """Two Gaussians with full covariances: means (..., D), covariances (..., D, D)."""

    mean_a: Array
    cov_a: Array
    mean_b: Array
    cov_b: Array


def gaussian_pairs() -> list[Pair]:
    """Pairs of one, two and three dimensions in float32, uncorrelated ones first."""
    made = []
    for size in (1, 2, 3):
        unit, ramp = np.eye(size), np.arange(1.0, size + 1)
        far, wide = ramp * (-1) ** ramp / 2, np.diag(ramp + 0.5)
        tilted = unit + 0.5 * np.diag(ramp) + 0.25
        hooked = 2 * unit - 0.5 * (np.eye(size, k=1) + np.eye(size, k=-1))
        for cov_a, cov_b in (
            (unit, unit),
            (wide, unit),
            (unit, wide),
            (tilted, unit),
            (hooked, tilted),
            (tilted, hooked),
        ):
            for mean in (0 * far, far):
                parts = (mean, cov_a, 0 * far, cov_b)
                made.append(Pair(*(part.astype(np.float32) for part in parts)))
    stacked = (np.stack(parts) for parts in zip(*made[-4:], strict=True))
    return [*made, Pair(*stacked)]


def kl_of_pair(mean_a: Array, cov_a: Array, mean_b: Array, cov_b: Array) -> Expected:
    """E_a[log a - log b], shape (...): a rule of 2 D points, exact for quadratic integrands."""
    size = mean_a.shape[-1]
    wide_a, wide_b = cov_a.astype(np.float64), cov_b.astype(np.float64)
    root = np.sqrt(size) * np.linalg.cholesky(wide_a)
    steps = np.moveaxis(np.concatenate([root, -root], axis=-1), -1, 0)  # (2 D, ..., D)
    half_logs = [np.linalg.slogdet(cov)[1] / 2 for cov in (wide_b, wide_a)]
    of_a = -_squared(steps, wide_a).mean(axis=0) / 2
    of_b = _squared(steps + (mean_a.astype(np.float64) - mean_b), wide_b).mean(axis=0) / 2
    terms = [half_logs[0], -half_logs[1], of_a, of_b]
    value = np.asarray(sum(terms))
    scale = sum(np.abs(term) for term in terms) + size
    condition = np.linalg.cond(wide_a) + np.linalg.cond(wide_b)
    return Expected(value, scale * condition, "the expected log-ratio E_a[log a - log b]")


def _squared(vectors: Array, cov: Array) -> Array:
    """Squared Mahalanobis lengths of vectors (N, ..., D), shape (N, ...)."""
    solved = np.linalg.solve(
        np.broadcast_to(cov, (*vectors.shape, vectors.shape[-1])), vectors[..., None]
    )
    return np.asarray((vectors * solved[..., 0]).sum(axis=-1))


class KnownModel:
    """A noise predictor of the grader's own, which keeps all that it is given.

    It depends on every entry of x_t and on t, and never returns the noise itself.
    """

    def __init__(self) -> None:
        self.given: list[tuple[Array, Array]] = []

    def __call__(self, x_t: Array, t: Array) -> Array:
        """Predicted noise of the shape and precision of x_t."""
        seen, when = np.asarray(x_t), np.asarray(t)
        if when.shape != seen.shape[:1]:
            raise ValueError(f"t has shape {when.shape} for {len(seen)} examples")
        self.given.append((seen, when))
        return self.noise(seen, when).astype(seen.dtype)

    @staticmethod
    def noise(x_t: Array, t: Array) -> Array:
        """The prediction in float64."""
        return np.asarray(0.5 * x_t.astype(np.float64) + t.reshape(-1, *[1] * (x_t.ndim - 1)) / 8)


def expected_loss(batch: Batch, sample: Expected) -> Expected:
    """Mean squared error of `KnownModel` at x_t, over the batch and all elements."""
    predicted = KnownModel.noise(sample.value, batch.t)
    assert sample.scale is not None
    of_time = KnownModel.noise(np.zeros_like(batch.x0), batch.t)
    largest = np.abs(batch.noise) + 0.5 * sample.scale + of_time
    return Expected(
        np.mean((batch.noise - predicted) ** 2),
        np.asarray(np.mean(largest**2)),
        "the mean squared error of the predicted noise",
    )


def loss_slope(batch: Batch, sample: Expected) -> Expected:
    """Derivative of the loss by the target noise, with the prediction held fixed."""
    predicted = KnownModel.noise(sample.value, batch.t)
    assert sample.scale is not None
    size = np.abs(batch.noise) + sample.scale + np.abs(predicted)
    says = "that of the mean squared error"
    return Expected(2 * (batch.noise - predicted) / predicted.size, 2 * size / predicted.size, says)


def two_parts(
    answers: Sequence[Any], given: Sequence[Array], function: str
) -> tuple[list[Any], list[Any]]:
    """Means and variances out of answers; a variance is spread over the entries it holds for.

    Raises:
        CheckFailure: an answer is no pair, or its variance fits no example.
    """
    pairs = [_two(answer, x, function) for answer, x in zip(answers, given, strict=True)]
    return [mean for mean, _ in pairs], [variance for _, variance in pairs]


def _two(answer: Any, x: Array, function: str) -> tuple[Any, Any]:
    if isinstance(answer, SubjectError):
        return answer, answer
    if not (isinstance(answer, tuple | list) and len(answer) == 2):
        raise CheckFailure(f"Your {function} should return two tensors: a mean and a variance.")
    mean, variance = as_array(answer[0]), as_array(answer[1])
    if variance.shape == x.shape[:1]:
        variance = variance.reshape(-1, *[1] * (x.ndim - 1))
    fits = variance.ndim == x.ndim and all(
        size in (1, whole) for size, whole in zip(variance.shape[1:], x.shape[1:], strict=True)
    )
    if not (fits and len(variance) == len(x)):
        raise CheckFailure(
            f"The variance of your {function} has shape {variance.shape} for data of shape "
            f"{x.shape}."
        )
    return mean, np.broadcast_to(variance, x.shape)


Samples: TypeAlias = Sequence[Expected]


def judge_by_either(
    judge: Callable[[Samples], None], right: Samples, own: Callable[[], Samples]
) -> None:
    """Judges by the right x_t, and where that fails by what follows from the student's own.

    A mistake costs its points once, where the function is asked for that it is made in.

    Raises:
        CheckFailure: neither explains the answers; it tells of the right ones.
    """
    try:
        judge(right)
    except (CheckFailure, SubjectError) as failure:
        try:
            judge(own())
        except (CheckFailure, SubjectError, ValueError):
            raise failure from None
        evidence(follows_from_own_functions=True)


def own_samples(subject: Subject, given: Sequence[Sequence[Array]], right: Samples) -> Samples:
    """What the student's q_sample makes of x0, t, noise and alpha-bar.

    Raises:
        SubjectError: there is no such function, or it returns no numbers.
        ValueError: an answer has another shape than x_t.
    """
    return [
        _as_large_as(as_array(answer), sample)
        for answer, sample in zip(subject.map("q_sample", given), right, strict=True)
    ]


def samples_of_own_moments(
    subject: Subject, given: Sequence[Sequence[Array]], right: Samples
) -> Samples:
    """What x0, t, noise and alpha-bar give under the student's q_mean_variance.

    Raises:
        SubjectError: there is no such function, or it returns no numbers.
        CheckFailure: it returns no mean and variance.
        ValueError: an answer has another shape than x_t.
    """
    answers = subject.map("q_mean_variance", [(x0, t, left) for x0, t, _, left in given])
    means, variances = two_parts(answers, [x0 for x0, *_ in given], "q_mean_variance")
    return [
        _as_large_as(as_array(mean) + np.sqrt(np.maximum(variance, 0)) * noise, sample)
        for mean, variance, (_, _, noise, _), sample in zip(
            means, map(as_array, variances), given, right, strict=True
        )
    ]


def _as_large_as(value: Array, right: Expected) -> Expected:
    if value.shape != right.value.shape:
        raise ValueError(f"x_t has shape {value.shape} where {right.value.shape} is expected")
    assert right.scale is not None
    # A wrong x_t has roundings of its own size.
    return Expected(value, right.scale + np.abs(value), right.says)
