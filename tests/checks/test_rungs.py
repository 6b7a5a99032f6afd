from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from grader.checks import CheckFailure, Expected, expect_all_close, ladder
from grader.checks.ladder import Gaussian
from grader.errors import SubjectError

RUNGS = ladder.gaussians()


def kl(mean: np.ndarray, log_std: np.ndarray) -> np.ndarray:
    return 0.5 * (mean**2 + np.exp(2 * log_std) - 1 - 2 * log_std).sum(-1)


def right(rung: Gaussian) -> Expected:
    mean, log_std = (np.asarray(part, np.float64) for part in rung)
    return Expected.of_terms([mean**2 / 2, np.exp(2 * log_std) / 2, mean * 0 - 0.5, -log_std])


def failure_of(wrong: Callable[..., np.ndarray]) -> CheckFailure:
    with pytest.raises(CheckFailure) as caught:
        expect_all_close(
            [wrong(*rung) for rung in RUNGS], list(map(right, RUNGS)), given=RUNGS, function="KLD"
        )
    return caught.value


def test_the_right_formula_passes_in_single_precision() -> None:
    expect_all_close([kl(*rung) for rung in RUNGS], list(map(right, RUNGS)), given=RUNGS)


def test_the_first_failing_rung_is_the_counterexample() -> None:
    failure = failure_of(lambda mean, log_std: kl(np.abs(mean) * (mean > 0), log_std))
    assert failure.counterexample is not None
    assert failure.counterexample.given["mean"].text == "[[-1.0]]"


def test_a_lost_half_is_told_as_a_constant_factor() -> None:
    assert "exactly twice as large" in failure_of(lambda *rung: 2 * kl(*rung)).message


@pytest.mark.parametrize(
    ("factor", "said"),
    [(-1, "opposite sign"), (0.5, "half as large"), (1 / np.log(2), "log2(e)"), (0, "zero")],
)
def test_known_factors_are_put_into_words(factor: float, said: str) -> None:
    assert said in failure_of(lambda *rung: factor * kl(*rung)).message


def test_the_factor_between_nats_and_bits_hints_at_the_unit() -> None:
    assert "nats or bits" in failure_of(lambda *rung: kl(*rung) / np.log(2)).hint


def test_another_factor_is_told_as_a_number() -> None:
    assert "1.7 times as large" in failure_of(lambda *rung: 1.7 * kl(*rung)).message


def test_a_constant_offset_is_told() -> None:
    assert "larger by 0.25" in failure_of(lambda *rung: kl(*rung) + 0.25).message


def test_answers_that_are_all_infinite_are_told_without_a_pattern() -> None:
    failure = failure_of(lambda *rung: kl(*rung) - np.inf)
    assert "inf" in failure.message
    assert failure.hint == ""


def test_a_factor_that_explains_itself_has_no_second_hint() -> None:
    assert failure_of(lambda *rung: 2 * kl(*rung)).hint == "Look at the constant in front."
    assert failure_of(lambda *rung: 0 * kl(*rung)).hint == ""


def test_a_factor_that_depends_on_the_size_is_not_called_constant() -> None:
    failure = failure_of(lambda mean, log_std: kl(mean, log_std) / mean.shape[-1])
    assert "times as large" not in failure.message
    assert f"of {len(RUNGS)} inputs tried" in failure.message
    assert failure.evidence["inputs_failed"] < len(RUNGS)


def test_a_wrong_shape_is_told_before_any_pattern() -> None:
    assert "has shape () where (1,)" in failure_of(lambda *rung: kl(*rung).mean()).message


def test_a_call_that_failed_first_is_the_students_error() -> None:
    answers = [SubjectError("KLD raised IndexError"), *(kl(*rung) for rung in RUNGS[1:])]
    with pytest.raises(SubjectError, match=r"For mean = \[\[0.0\]\].*IndexError"):
        expect_all_close(answers, list(map(right, RUNGS)), given=RUNGS)


def test_a_wrong_answer_before_a_failed_call_is_what_is_told() -> None:
    answers = [kl(*rung) for rung in RUNGS]
    answers[3] = answers[3] + 1
    answers[5] = SubjectError("KLD raised IndexError")
    with pytest.raises(CheckFailure):
        expect_all_close(answers, list(map(right, RUNGS)), given=RUNGS)
