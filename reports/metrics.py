"""Printed beside recomputed: a claim, a measurement with its interval, and whether they agree."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from decimal import Decimal

from grader.results import SubmissionResult
from grader.threshold import Threshold
from reports.typeset import label, number

_WIDTH = 360  # of the drawing, in its own units
_MARGIN = 60  # room for half of the longest label, and for all of a short one
_EXPLAINED = 0.1  # share of the value that other images can explain
_TOUCHING = 100  # labels of marks closer than this would touch


@dataclass(frozen=True, slots=True)
class Mark:
    """A place on the axis and the text beside it."""

    x: float
    text: str
    anchor: str = "middle"


@dataclass(frozen=True, slots=True)
class IntervalPlot:
    """Geometry of one axis: the interval with its value, the claim, the thresholds.

    Attributes:
        crowded: whether the claim's label needs a row of its own below the value's.
    """

    low: float
    high: float
    value: Mark
    printed: Mark | None
    thresholds: tuple[Mark, ...]
    crowded: bool


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric that the notebook printed, the grader recomputed, or both.

    Attributes:
        flattering: whether the claim is better than other images could explain.
    """

    name: str
    printed: str
    recomputed: str
    interval: str
    mismatch: bool
    flattering: bool
    plot: IntervalPlot | None


def metrics(result: SubmissionResult) -> dict[str, None]:
    """Names of all metrics, recomputed ones first; a dict for its order."""
    return dict.fromkeys([*result.recomputed, *result.printed])


def view(result: SubmissionResult, name: str, threshold: Threshold | None) -> Metric:
    """A metric as it stands on the page."""
    printed = result.printed.get(name)
    measured = result.recomputed.get(name)
    return Metric(
        name=label(name, 40),
        printed="" if printed is None else _exact(printed),
        recomputed="" if measured is None else number(measured[0]),
        interval="" if measured is None else f"{number(measured[1])} to {number(measured[2])}",
        mismatch=printed is not None and measured is not None and not _agree(printed, measured),
        flattering=printed is not None
        and measured is not None
        and _flatters(printed, measured[0], threshold),
        plot=_plot(printed, measured, threshold) if measured else None,
    )


def _flatters(printed: float, value: float, threshold: Threshold | None) -> bool:
    # A notebook prints its figure over images of its own; honest ones differ by a few per cent.
    better_is_less = threshold is None or threshold.full < threshold.zero
    gain = value - printed if better_is_less else printed - value
    return not gain <= _EXPLAINED * abs(value)


def _agree(printed: float, measured: tuple[float, float, float]) -> bool:
    """Whether the claim lies in the interval, up to the digits that were printed."""
    last_digit = Decimal(repr(printed)).as_tuple().exponent
    if not isinstance(last_digit, int):  # nan and inf have no digits
        return False
    rounding = 0.5 * 10.0**last_digit
    low, high = measured[1] - rounding, measured[2] + rounding
    return low <= printed <= high


def _plot(
    printed: float | None, measured: tuple[float, float, float], threshold: Threshold | None
) -> IntervalPlot | None:
    limits = {} if threshold is None else {"all points": threshold.full, "none": threshold.zero}
    values = [*measured, *limits.values(), *([] if printed is None else [printed])]
    if not all(map(math.isfinite, values)):
        return None
    low, high = min(values), max(values)
    scale = (_WIDTH - 2 * _MARGIN) / ((high - low) or 1.0)

    def mark(value: float, text: str) -> Mark:
        return Mark(round(_MARGIN + (value - low) * scale, 1), text)

    claim = None if printed is None else mark(printed, f"printed {_exact(printed)}")
    value = mark(measured[0], f"recomputed {number(measured[0])}")
    return IntervalPlot(
        low=mark(measured[1], "").x,
        high=mark(measured[2], "").x,
        value=value,
        printed=claim,
        thresholds=_apart([mark(v, f"{word} {number(v)}") for word, v in limits.items()]),
        crowded=claim is not None and abs(claim.x - value.x) < _TOUCHING,
    )


def _apart(marks: list[Mark]) -> tuple[Mark, ...]:
    """Neighbouring labels turned away from each other where they would touch."""
    ordered = sorted(marks, key=lambda mark: mark.x)
    if len(ordered) == 2 and ordered[1].x - ordered[0].x < _TOUCHING:
        left, right = ordered
        return (replace(left, anchor="end"), replace(right, anchor="start"))
    return tuple(ordered)


def _exact(value: float) -> str:
    """What the student printed, digit by digit."""
    return label(repr(value), 24).replace("-", "−")
