"""A noise predictor of the grader's own, and the losses that it leads to."""

from __future__ import annotations

import numpy as np

from assignments.ddpm.definitions import Batch
from grader.checks import Array, Expected


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
