"""What UvA's transformer asks of `RMSNorm(dim, eps)`, decided by definition.

Zhang and Sennrich's paper has no epsilon, their code adds it outside of the root, and the sheet
leaves it open: epsilon is so small here, and x so large, that both are the same number.
"""

from __future__ import annotations

import numpy as np

from assignments.transformer_norm.definitions import (
    Given,
    cycled,
    expected_rms,
    gain,
    streams,
)
from assignments.transformer_norm.layers import judge_norm
from grader.checks import Subject, check


def ordinary() -> list[Given]:
    """Streams of ordinary size with a gain of one first, then with any, and a large stream."""
    made = []
    for x in streams():
        size = x.shape[-1]
        ones, zeros = np.ones(size, np.float32), np.zeros(size, np.float32)
        made += [Given(x, ones, zeros, 1e-6), Given(x + 2, gain(size), zeros, 1e-8)]
        made += [Given(64 * x, gain(size), zeros, 1e-6)]
    return made


@check("rms-norm-module", points=1.5)
def root_mean_square_of_each_position_becomes_one(subject: Subject) -> None:
    """Each position is divided by its root mean square and multiplied by the learned gain."""
    judge_norm(subject, "RMSNorm", ordinary(), expected_rms, takes_bias=False)


@check("rms-norm-module", points=0.5)
def zero_stays_zero(subject: Subject) -> None:
    """A position of zeros stays one: that is what epsilon is for."""
    x = np.zeros((1, 2, 4), np.float32)
    x[0, 1] = cycled((1.0, -2.0, 0.5, 3.0), (4,))
    given = Given(x, gain(4), np.zeros(4, np.float32), 1e-6)
    judge_norm(subject, "RMSNorm", [given], expected_rms, takes_bias=False)
