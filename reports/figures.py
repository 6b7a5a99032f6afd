"""Geometry of the class page's figures, in the units of their drawing."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from reports.typeset import counted, points

_MAX_BARS = 21
_STEPS = 8  # bars of a question are eighths of its points, so that none and all stand alone


@dataclass(frozen=True, slots=True)
class Bar:
    """Hand-ins with scores in [low, high); the last bar holds `high` too. Lengths in percent."""

    left: float
    width: float
    height: float
    count: int
    range: str


@dataclass(frozen=True, slots=True)
class Histogram:
    """Scores of a class.

    Attributes:
        bars: from the lowest scores to the highest.
        ticks: scores on the axis with their place in percent.
        mean: place of the mean in percent.
        description: the same in words.
    """

    bars: tuple[Bar, ...]
    ticks: tuple[tuple[float, str], ...]
    mean: float
    description: str


def histogram(scores: Sequence[float], max_score: float) -> Histogram | None:
    """Bars of equal width from 0 to `max_score`; None where there is nothing to draw."""
    if not scores or max_score <= 0:
        return None
    width = _bar_width(max_score)
    n_bars = math.ceil(max_score / width)
    counts = [0] * n_bars
    for score in scores:
        counts[min(max(int(score / width), 0), n_bars - 1)] += 1
    bars = tuple(
        Bar(
            left=round(100 * i / n_bars, 3),
            width=round(100 / n_bars, 3),
            height=round(100 * count / max(counts), 2),
            count=count,
            range=f"{points(i * width)} to {points(min((i + 1) * width, max_score))}",
        )
        for i, count in enumerate(counts)
    )
    extent = n_bars * width
    return Histogram(
        bars=bars,
        ticks=tuple((round(100 * t / extent, 2), points(t)) for t in _ticks(max_score)),
        mean=round(100 * statistics.fmean(scores) / extent, 2),
        description="; ".join(
            f"{bar.range} points: {counted(bar.count, 'hand-in')}" for bar in bars if bar.count
        ),
    )


@dataclass(frozen=True, slots=True)
class Column:
    """Hand-ins that earned about the same on a question; `height` in percent of the highest."""

    tone: str
    height: float
    count: int
    earned: str


def spread(earned: Sequence[float], max_points: float) -> tuple[Column, ...]:
    """How the points of one question are spread, from none to all; empty where there are none."""
    if not earned or max_points <= 0:
        return ()
    counts = [0] * (_STEPS + 1)
    for value in earned:
        counts[min(max(round(_STEPS * value / max_points), 0), _STEPS)] += 1
    tones = ["bad", *["fair"] * (_STEPS - 1), "good"]
    return tuple(
        Column(tone, round(100 * n / max(counts), 1), n, points(max_points * i / _STEPS))
        for i, (n, tone) in enumerate(zip(counts, tones, strict=True))
    )


def _bar_width(max_score: float) -> float:
    """The smallest of 1, 2 and 5 times a power of ten that gives few enough bars."""
    power = 10.0 ** math.floor(math.log10(max_score / _MAX_BARS))
    return next(m * power for m in (1, 2, 5, 10) if max_score / (m * power) <= _MAX_BARS)


def _ticks(max_score: float) -> list[float]:
    power = 10.0 ** math.floor(math.log10(max_score))
    step = next(m * power for m in (0.1, 0.2, 0.25, 0.5, 1, 2) if max_score / (m * power) <= 6)
    return [step * i for i in range(int(max_score / step) + 1)]
