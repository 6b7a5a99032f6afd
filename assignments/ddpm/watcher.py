"""A noise predictor of the grader's that keeps all that it is shown.

Training and sampling draw their own noise, so what they do is read off from what reaches the
network: x_t and a time. How a course scales that time is its own affair, as long as it is one time
for each timestep, the same in training and in sampling.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from grader.checks import Array

_PATTERN = (3.0, -1.0, 2.0, 0.5, -2.5, 1.5, -0.5)


class Shown(NamedTuple):
    """One call of the network.

    Attributes:
        x: what it was to denoise, shape (B, ...), float64.
        time: what it was told of each example's time, shape (B,), float64.
        answer: the noise that it predicted, shape (B, ...), float64.
    """

    x: Array
    time: Array
    answer: Array


class Watcher:
    """Predicts noise that is never the true one, and depends on x_t and on the place in it.

    Args:
        of_x: weight of x_t in the prediction.
        fixed: weight of a pattern that differs from place to place.
    """

    def __init__(self, of_x: float = 0.25, fixed: float = 1.0) -> None:
        self._of_x, self._fixed = of_x, fixed
        self.calls: list[Shown] = []

    def __call__(self, *args: Any, **kwargs: Any) -> Array:
        """Predicted noise of the shape and precision of x_t."""
        given = [*args, *kwargs.values()]
        if len(given) < 2:
            raise ValueError("the network is called with x_t and a time")
        x = np.asarray(given[0])
        time = one_time_each(given[1], len(x))
        wide = x.astype(np.float64)
        pattern = np.resize(np.asarray(_PATTERN), x.shape)
        answer = (self._of_x * wide + self._fixed * pattern).astype(x.dtype)
        call = Shown(wide, time, answer.astype(np.float64))
        if not self.calls or not _same(call, self.calls[-1]):
            self.calls.append(call)
        return answer


def one_time_each(time: Any, count: int) -> Array:
    """The time of each example, shape (B,), from any shape that holds it.

    Raises:
        ValueError: these are not `count` times.
    """
    times = np.asarray(time, dtype=np.float64)
    if times.size == 1:
        return np.full(count, times.item())
    rows = times.reshape(count, -1) if times.ndim and len(times) == count else times.reshape(0, 1)
    if not len(rows) or not (rows == rows[:, :1]).all():
        raise ValueError(f"a time of shape {times.shape} is not one time for each of {count}")
    return rows[:, 0].copy()


def _same(one: Shown, other: Shown) -> bool:
    """Whether the network was asked the same thing again."""
    return (
        one.x.shape == other.x.shape
        and np.array_equal(one.x, other.x)
        and np.array_equal(one.time, other.time)
    )


def whole(calls: Sequence[Shown]) -> Shown:
    """Calls on parts of a batch, put together."""
    return Shown(*(np.concatenate(parts) for parts in zip(*calls, strict=True)))


def timestep_behind(time: float, times: Mapping[float, int]) -> int | None:
    """The timestep that a time stands for, up to rounding; None where it stands for none.

    A fraction of T may be divided or multiplied out; timesteps of a thousand are far more apart.
    """
    nearest = min(times, key=lambda known: abs(known - time), default=None)
    if nearest is None or abs(nearest - time) > 1e-5 * max(map(abs, times)):
        return None
    return times[nearest]
