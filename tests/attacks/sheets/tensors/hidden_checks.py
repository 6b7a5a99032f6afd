"""Bits per dimension of a fair coin, whose tosses no submission has seen.

ONLY-THE-HIDDEN-CHECK-KNOWS.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from grader.checks import Subject, as_array, check, credit, evidence, expect_shape, share

COUNT = 256


@check("bits", points=2)
def tosses_of_a_coin_cost_a_bit(
    subject: Subject, question: Any, seed: Callable[[str], int]
) -> None:
    """Logits of the next bit cost no more than a bit."""
    tosses = np.random.default_rng(seed("tosses")).integers(0, 2, (COUNT, 5))
    logits = as_array(subject.call("predict", tosses[:, :-1].astype(np.float32)))
    expect_shape(logits, (COUNT,))
    sign = np.where(tosses[:, -1] == 1, -1.0, 1.0)
    bpd = float(np.logaddexp(0.0, sign * logits.astype(np.float64)).mean() / np.log(2))
    evidence(recomputed={"bpd": [bpd, bpd, bpd]})
    limits = question.threshold
    credit(share(bpd, full=limits.full, zero=limits.zero), f"A bit costs {bpd:.3f} bits.")
