"""A hidden check whose source no submission may see: ONLY-THE-HIDDEN-CHECK-KNOWS."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from grader.checks import Subject, check, expect_close


@check("total", points=2)
def sums_are_sums(subject: Subject, seed: Callable[[str], int]) -> None:
    """The answer is the sum of the numbers."""
    rng = np.random.default_rng(seed("inputs"))
    for count in (1, 4, 16):
        values = [float(value) for value in rng.integers(-8, 9, count)]
        expect_close(subject.call("total", values=values), sum(values), given={"values": values})
