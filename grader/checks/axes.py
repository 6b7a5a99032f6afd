"""Whether a plot's axes have labels, as far as its pixels tell.

The bottom spine of a plot is the lowest long line with a tall one at its end. Below it stand tick
marks, which touch it, tick labels, which stand far apart from each other, and the axis's label,
which is one piece. The left side is the same, turned. Whatever does not look like that is left to
whoever looks at the figure: nothing but a label that is surely missing fails.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from grader.checks.expectations import expect
from grader.checks.ink import ink_of, runs
from grader.checks.recording import evidence
from grader.checks.subject import Array

_SPINE = 0.9  # of the longest line
# Least lengths of a spine and of the one at its end, in whole pictures: beside two panels stand two
# labels, which cannot be told from two numbers.
_LONG, _TALL = 0.6, 0.2


def expect_labelled_axes(picture: Array) -> None:
    """Demands a label on either axis; an undecided figure passes.

    Args:
        picture: grey values in [0, 1], shape (H, W).

    Raises:
        CheckFailure: a label is surely missing.
    """
    ink = ink_of(picture)
    below, beside = _below_the_spine(ink), _below_the_spine(np.rot90(ink))
    bare = {"horizontal": _has_no_label(below), "vertical": _has_no_label(beside, turned=True)}
    missing = [name for name, surely in bare.items() if surely]
    evidence(axes_without_label=missing)
    expect(
        not missing,
        f"Your figure has no label on the {' and on the '.join(missing)} axis: what is drawn "
        "there, and in which unit?",
    )


def _below_the_spine(ink: Array) -> Array | None:
    """Ink below the bottom spine; None where there is no such line."""
    height, width = ink.shape
    lengths = np.array([_longest_run(row) for row in ink])
    longest = lengths.max(initial=0)
    if longest < _LONG * width:
        return None
    for y in np.flatnonzero(lengths >= _SPINE * longest)[::-1]:
        start = _start_of_longest_run(ink[y])
        tall = max(
            _run_up_from(ink[:, x], y) for x in range(max(start - 1, 0), min(start + 3, width))
        )
        if tall >= _TALL * height:
            return ink[y + 1 :]
    return None


def _has_no_label(below: Array | None, *, turned: bool = False) -> bool:
    """Whether all that stands there is tick marks and tick labels, or nothing."""
    if below is None:
        return False
    # Tick marks touch the spine, and begin at once.
    bands = [(a, b) for a, b in runs(np.asarray(below.any(axis=1))) if a > 0]
    if not bands:
        return True
    if len(bands) > 1 and not turned:
        return False
    # The digits of turned tick labels part into bands: all of them have to be in several pieces.
    return all(_pieces(below[a:b]) >= (2 if turned else 3) for a, b in bands)


def _pieces(band: Array) -> int:
    """Parts of a line of text that stand farther apart than the line is high."""
    parts = runs(np.asarray(band.any(axis=0)))
    gaps = [after[0] - before[1] for before, after in pairwise(parts)]
    return 1 + sum(gap > 1.5 * len(band) for gap in gaps)


def _longest_run(row: Array) -> int:
    return max((end - start for start, end in runs(row)), default=0)


def _start_of_longest_run(row: Array) -> int:
    return max(runs(row), key=lambda run: run[1] - run[0])[0]


def _run_up_from(column: Array, y: int) -> int:
    upwards = column[: y + 1][::-1]
    return int(len(upwards) if upwards.all() else np.argmin(upwards))
