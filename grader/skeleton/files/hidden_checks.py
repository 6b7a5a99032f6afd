"""Hidden checks: may use references and data that students never see."""

from __future__ import annotations

import numpy as np

from grader.checks import Expected, Subject, check, expect_all_close


@check("log-mean-exp", points=1)
def stays_finite(subject: Subject) -> None:
    """Large values neither overflow nor vanish."""
    inputs = [(np.array([[shift, shift]], np.float32),) for shift in (100.0, -200.0, 5000.0)]
    expected = [Expected(values[0].astype(np.float64)[:, 0]) for values in inputs]
    expect_all_close(subject.map("log_mean_exp", inputs), expected, given=inputs)
