"""Six panels of one chain, from noise to data: how they are laid out, and which is the noisiest."""

from __future__ import annotations

import numpy as np

from grader.checks import Array, CheckFailure, evidence, expect
from grader.checks.figures import expect_grid

PANELS = 6
_LAYOUTS = ((1, 6), (2, 3), (3, 2), (6, 1))
# A clean image has a background: a quarter and more of its pixels are as good as equal. Only a
# difference that large tells which panel is noisier.
_CLEAR = 0.2


def expect_six(picture: Array) -> None:
    """Demands no other layout than one of six panels; an undecided figure passes.

    Raises:
        CheckFailure: the figure surely holds another number of panels.
    """
    for rows, columns in _LAYOUTS:
        try:
            expect_grid(picture, rows, columns)
            return
        except CheckFailure as failure:
            first = failure
    raise CheckFailure(f"{first.message} Six panels are asked for, in one row or in two.")


def expect_less_noise(picture: Array) -> None:
    """Demands that the last panel is no noisier than the first, where that can be told.

    Raises:
        CheckFailure: the panels run from the data to the noise.
    """
    tiles = in_a_row(picture)
    if tiles is None:
        return
    even = [_background(tile) for tile in (tiles[0], tiles[-1])]
    evidence(background=even)
    expect(
        even[0] - even[1] < _CLEAR,
        "Your first panel is clearer than your last one: the way back begins with noise.",
    )


def in_a_row(picture: Array) -> list[Array] | None:
    """Six tiles in one row or in two, in reading order; None where the figure has no such parts."""
    ink = np.abs(picture - picture[0, 0]) > 0.1
    if not ink.any():
        return None
    rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    inner = picture[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    shape = inner.shape[1] / inner.shape[0]
    count = min((6, 3), key=lambda n: abs(np.log(shape / (n * n / PANELS))))
    parts = [np.array_split(row, count, axis=1) for row in np.array_split(inner, PANELS // count)]
    return [tile for row in parts for tile in row]


def _background(tile: Array) -> float:
    """Share of the pixels that have the most frequent of sixteen greys, without the margins."""
    high, wide = (max(1, size // 8) for size in tile.shape)
    counts = np.histogram(tile[high:-high, wide:-wide], bins=16, range=(0, 1))[0]
    return float(counts.max() / max(counts.sum(), 1))
