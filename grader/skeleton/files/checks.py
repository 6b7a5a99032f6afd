"""Public checks: each decides by definition, so students may have them."""

from __future__ import annotations

import numpy as np

from grader.checks import Expected, Subject, check, expect_all_close

# Simplest first: the first one that fails is the counterexample that a student sees.
ROWS = [
    np.array(row, np.float32)
    for row in ([[0.0]], [[1.0]], [[0.0, 1.0]], [[-2.0, 3.0]], [[1.0, 2.0, 4.0], [0.0, 0.0, -1.0]])
]


@check("log-mean-exp", points=2)
def is_the_log_of_the_mean(subject: Subject) -> None:
    """log_mean_exp is the logarithm of the mean of the exponentials over the last axis."""
    inputs = [(values,) for values in ROWS]
    expected = [_definition(values) for values in ROWS]
    expect_all_close(subject.map("log_mean_exp", inputs), expected, given=inputs)


def _definition(values: np.ndarray) -> Expected:
    mean = np.exp(values.astype(np.float64)).mean(axis=-1)
    # The logarithm near one loses what the mean was rounded to: that is part of the scale.
    return Expected(np.log(mean), 1 + np.abs(values).max(axis=-1))
