"""A learning curve as the notebook has it, drawn over the band of the reference's runs."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import zip_longest
from pathlib import Path
from typing import Any

from grader.assignment import Assignment
from grader.results import ClaimedCurve, SubmissionResult
from reports.typeset import counted, label, number, prose

_WIDTH, _HEIGHT = 360, 150  # of the drawing, in its own units
_LEFT, _RIGHT, _TOP, _BOTTOM = 44, 12, 12, 34
_MOST_TICKS = 6
_FARTHEST = 1e300  # beyond it differences overflow; it is drawn there

Points = Sequence[tuple[int, float]]


@dataclass(frozen=True, slots=True)
class Tick:
    """A place on an axis with its label."""

    at: float
    text: str


@dataclass(frozen=True, slots=True)
class Drawing:
    """Geometry of a curve and a band, as paths.

    Attributes:
        band: empty where the reference was not run on this data set.
        single: whether the curve is one point, which a path would not show.
    """

    curve: str
    band: str
    single: tuple[float, float] | None
    x: tuple[Tick, ...]
    y: tuple[Tick, ...]


@dataclass(frozen=True, slots=True)
class CurveView:
    """A learning curve on the page.

    Attributes:
        unmet: what is expected of it and it does not show.
        reference: what the band is; empty where there is none.
    """

    name: str
    source: str
    said: str
    unmet: tuple[str, ...]
    reference: str
    drawing: Drawing | None


@dataclass(frozen=True, slots=True)
class Band:
    """Lowest and highest figure of the reference's runs, by epoch."""

    low: tuple[float, ...]
    high: tuple[float, ...]
    runs: int
    device: str


def view(result: SubmissionResult, assignment: Assignment, metric: str) -> CurveView | None:
    """The curve of a metric; None where the notebook has none."""
    curve = result.curves.get(metric)
    if curve is None:
        return None
    band = reference(assignment.folder, result.provenance.data_set, metric)
    shown = [(e, v) for e, v in zip(curve.epochs, curve.values, strict=True) if v is not None]
    return CurveView(
        name=label(metric, 40),
        source=label(curve.source, 120),
        said=_in_words(curve, shown),
        unmet=tuple(prose(sentence, 300) for sentence in curve.unmet[:8]),
        reference=_of_runs(band) if band else "",
        drawing=_drawing(shown, band) if shown else None,
    )


@cache
def reference(folder: Path, data_set: str, metric: str) -> Band | None:
    """The band from `curves/DATA_SET.json` beside the assignment; None where it is not there."""
    path = folder / "curves" / f"{data_set}.json"
    if not data_set or not path.is_file():
        return None
    stored: dict[str, Any] = json.loads(path.read_text("utf-8"))
    curves = [run[f"test_{metric}"] for run in stored["runs"] if f"test_{metric}" in run]
    if not curves:
        return None
    # A run may be longer than the others: from there on it is the band.
    by_epoch = [[v for v in at if v is not None] for at in zip_longest(*curves)]
    return Band(
        tuple(map(min, by_epoch)), tuple(map(max, by_epoch)), len(curves), str(stored["device"])
    )


def _in_words(curve: ClaimedCurve, shown: Points) -> str:
    gaps = len(curve.values) - len(shown)
    broken = f"; {counted(gaps, 'value')} not finite" if gaps else ""
    if not shown:
        return f"no finite value{broken}"
    (first, begins), (last, ends) = shown[0], shown[-1]
    if first == last:
        return f"{number(ends)} at epoch {last}{broken}"
    return f"{number(begins)} at epoch {first}, {number(ends)} at epoch {last}{broken}"


def _of_runs(band: Band) -> str:
    return f"{counted(band.runs, 'run')} of the reference, on {label(band.device, 60)}"


def _drawing(shown: Points, band: Band | None) -> Drawing:
    last = max(shown[-1][0], 1)
    # What the reference reached much later than this notebook went is no comparison.
    pairs = list(zip(band.low, band.high, strict=True))[: last + 1] if band else []
    shown = [(epoch, max(-_FARTHEST, min(value, _FARTHEST))) for epoch, value in shown]
    low, high = _limits([value for _, value in shown] + [value for pair in pairs for value in pair])

    def x(epoch: float) -> float:
        return round(_LEFT + (_WIDTH - _LEFT - _RIGHT) * epoch / last, 1)

    def y(value: float) -> float:
        return round(_TOP + (_HEIGHT - _TOP - _BOTTOM) * (high - value) / (high - low), 1)

    upper = [(x(e), y(pair[1])) for e, pair in enumerate(pairs)]
    lower = [(x(e), y(pair[0])) for e, pair in enumerate(pairs)]
    points = [(x(e), y(value)) for e, value in shown]
    return Drawing(
        curve=_path(points),
        band=_path([*upper, *reversed(lower)]) + "z" if pairs else "",
        single=points[0] if len(points) == 1 else None,
        x=tuple(Tick(x(e), f"{e:g}") for e in _steps(0, last) if e == int(e)),
        y=tuple(Tick(y(v), number(v)) for v in _steps(low, high)),
    )


def _limits(heights: Sequence[float]) -> tuple[float, float]:
    """Somewhat more than the heights reach, and never a span that is lost in their last digits."""
    low, high = min(heights), max(heights)
    finest = 1e-9 * max(1.0, abs(low), abs(high))
    room = 0.05 * (high - low) if high - low > finest else max(0.5, finest)
    return low - room, high + room


def _path(points: Sequence[tuple[float, float]]) -> str:
    return "M" + "L".join(f"{x:g} {y:g}" for x, y in points)


def _steps(low: float, high: float) -> list[float]:
    """Round numbers from low to high, a few of them."""
    power = 10.0 ** math.floor(math.log10((high - low) / _MOST_TICKS))
    step = next(m * power for m in (1, 2, 5, 10) if (high - low) / (m * power) <= _MOST_TICKS)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [round(i * step, 10) for i in range(first, last + 1)]
