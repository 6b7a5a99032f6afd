from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from grader.checks import CheckFailure, expect_all_close, ladder
from grader.checks.terms import misweighted, weights

RUNGS = ladder.gaussians()
TERMS = {
    "mean squared": lambda mean, _log_std: (mean**2).sum(-1),
    "the variance": lambda _mean, log_std: np.exp(2 * log_std).sum(-1),
    "log_std": lambda _mean, log_std: log_std.sum(-1),
    "the number of dimensions": lambda mean, _log_std: np.full(mean.shape[:-1], mean.shape[-1]),
}


def summed(*coefficients: float) -> list[np.ndarray]:
    return [
        sum(
            c * term(*(part.astype(float) for part in rung))
            for c, term in zip(coefficients, TERMS.values(), strict=True)
        )
        for rung in RUNGS
    ]


RIGHT = summed(0.5, 0.5, -1.0, -0.5)


def test_weights_are_recovered_from_single_precision_answers() -> None:
    answers = [a.astype(np.float32) for a in summed(0.7, 0.5, -1.3, 0.0)]
    found = weights(TERMS, RUNGS, answers)
    np.testing.assert_allclose(found, [0.7, 0.5, -1.3, 0.0], atol=1e-5)


def test_terms_with_another_weight_are_named_without_the_right_one() -> None:
    says = misweighted(TERMS, RUNGS, summed(0.5, 0.5, -1.3, -0.5), RIGHT)
    assert "log_std (yours: -1.3)" in says
    assert "mean squared" not in says
    assert "-1.0" not in says


@pytest.mark.parametrize(
    "wrong",
    [
        lambda rung: rung.mean.sum(-1) ** 3,
        lambda rung: np.full(rung.mean.shape[:-1], np.nan),
        lambda rung: rung.mean,
    ],
)
def test_other_formulas_are_given_no_weights(wrong: Callable[..., np.ndarray]) -> None:
    assert misweighted(TERMS, RUNGS, [wrong(rung) for rung in RUNGS], RIGHT) == ""


def test_right_answers_have_nothing_misweighted() -> None:
    assert misweighted(TERMS, RUNGS, RIGHT, RIGHT) == ""


def test_a_ladder_that_does_not_tell_terms_apart_gives_no_weights() -> None:
    twice = {"one": TERMS["log_std"], "again": TERMS["log_std"]}
    assert weights(twice, RUNGS, RIGHT) is None


def test_a_failing_ladder_carries_the_hint() -> None:
    with pytest.raises(CheckFailure) as caught:
        expect_all_close(summed(0.5, 0.5, -1.3, -0.5), RIGHT, given=RUNGS, terms=TERMS)
    assert "the weight of log_std" in caught.value.hint
