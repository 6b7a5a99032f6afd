"""What stands out of a picture's background, and where runs of it begin and end."""

from __future__ import annotations

import numpy as np

from grader.checks.subject import Array

_CONTRAST = 0.1


def ink_of(picture: Array) -> Array:
    """Which pixels differ from the first one, which is taken for the background.

    Args:
        picture: grey values in [0, 1], shape (H, W).

    Returns:
        Booleans of the same shape.
    """
    ink: Array = np.abs(picture - picture[0, 0]) > _CONTRAST
    return ink


def runs(marked: Array) -> list[tuple[int, int]]:
    """Where each run of true entries of a vector begins, and where it has ended."""
    steps = np.diff(marked.astype(int), prepend=0, append=0)
    starts, ends = np.flatnonzero(steps == 1), np.flatnonzero(steps == -1)
    return list(zip(starts.tolist(), ends.tolist(), strict=True))
