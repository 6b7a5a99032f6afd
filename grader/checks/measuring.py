"""A figure measured on held-out data, of which more are drawn until a threshold is decided.

The first part is small. As long as a threshold lies inside of the interval, as many data again are
drawn as there were; when they run out, the interval is what it is, and the student gets its better
end. Each look at the data spends its share of alpha, so that looking often earns nothing.
"""

from __future__ import annotations

import math
from typing import NamedTuple, Protocol

import numpy as np

from grader.checks.recording import evidence
from grader.checks.subject import Array

FIRST = 360  # as many as the embedded data set holds out: that one is drawn at once
# Between two thresholds the points move with the figure: by no more than this, once it is enough.
NEAR_ENOUGH = 0.05


class Interval(NamedTuple):
    """A figure, and where it lies but for the alpha of its measurement."""

    value: float
    low: float
    high: float


class Scale(Protocol):
    """What is read of a threshold in `assignment.toml`."""

    @property
    def corners(self) -> tuple[float, ...]:
        """Figures where the points begin or stop to change."""

    def share(self, value: float) -> float:
        """Share of the points that a figure earns."""


class Measurement(Protocol):
    """Something that is estimated from ever more data."""

    def add(self, chosen: Array) -> None:
        """Takes in the data of these indices; none comes twice."""

    def interval(self, alpha: float) -> Interval:
        """The figure over all the held-out data, as far as those taken in tell."""


def until_decided(
    measurement: Measurement, count: int, scale: Scale, rng: np.random.Generator, alpha: float
) -> Interval:
    """Draws held-out data until every threshold lies on one side of the interval.

    Args:
        measurement: takes the data in.
        count: of held-out data.
        scale: the thresholds.
        rng: draws the order of the data.
        alpha: probability that the interval misses, whenever it ends.
    """
    order = rng.permutation(count)
    looks = 1 + max(0, math.ceil(math.log2(count / FIRST)))
    begin = 0
    for look in range(looks):
        end = min(FIRST << look, count)
        measurement.add(order[begin:end])
        interval = measurement.interval(alpha / looks)
        evidence(images=end, held_out=count)
        if decided(interval, scale):
            break
        begin = end
    return interval


def decided(interval: Interval, scale: Scale) -> bool:
    """Whether more data could not move the points by more than a little."""
    _, low, high = interval
    if any(low < corner < high for corner in scale.corners):
        return False
    return abs(scale.share(low) - scale.share(high)) <= NEAR_ENOUGH


def benefit(interval: Interval, scale: Scale) -> float:
    """Share of the points at the end of the interval that is better for the student."""
    return max(scale.share(interval.low), scale.share(interval.high))
