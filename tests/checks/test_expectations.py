from __future__ import annotations

import numpy as np
import pytest

from grader.checks import (
    CheckFailure,
    Expected,
    as_array,
    credit,
    expect,
    expect_between,
    expect_close,
    expect_decreasing,
    expect_finite,
    expect_increasing,
    expect_shape,
    share,
)
from grader.checks.recording import Recorder, recording
from grader.errors import SubjectError

U32 = 2.0**-24


def f32(*values: float) -> np.ndarray:
    return np.array(values, np.float32)


def failure_of(*args: object, **kwargs: object) -> CheckFailure:
    with pytest.raises(CheckFailure) as caught:
        expect_close(*args, **kwargs)
    return caught.value


def test_an_error_of_thirty_roundoffs_of_the_scale_passes_and_of_forty_fails() -> None:
    expected = Expected(np.array([1.0]), scale=np.array([100.0]))
    expect_close(f32(1.0 + 30 * U32 * 100), expected)
    failure_of(f32(1.0 + 40 * U32 * 100), expected)


KLS = {
    "as written": lambda m, v: 0.5 * (m * m + np.exp(v) - 1 - v).sum(-1),
    "negated": lambda m, v: -0.5 * (1 + v - m**2 - np.exp(v)).sum(-1),
    "sum by sum": lambda m, v: (
        ((m * m).sum(-1) + np.exp(v).sum(-1) - np.float32(m.shape[-1]) - v.sum(-1)) / 2
    ),
    "through std": lambda m, v: (
        -np.log(np.exp(v / 2)) + (np.exp(v / 2) ** 2 + m**2) / 2 - np.float32(0.5)
    ).sum(-1),
    "expm1": lambda m, v: 0.5 * (m * m + np.expm1(v) - v).sum(-1),
}


@pytest.mark.parametrize("name", KLS)
@pytest.mark.parametrize("size", [1, 8, 128, 4096])
@pytest.mark.parametrize("spread", [(1, 1), (0.01, 0.01), (10, 4), (1e-3, 1e-4)])
def test_every_right_way_of_writing_a_kl_in_single_precision_passes(
    name: str, size: int, spread: tuple[float, float]
) -> None:
    generator = np.random.default_rng(size)
    mean, log_var = (s * generator.standard_normal((50, size)) for s in spread)
    mean, log_var = mean.astype(np.float32), log_var.astype(np.float32)
    m, v = mean.astype(np.float64), log_var.astype(np.float64)
    # The value by expm1, which does not cancel; the scale from the terms as anyone writes them.
    scale = 0.5 * (m**2 + np.exp(v) + 1 + np.abs(v)).sum(-1)
    expect_close(KLS[name](mean, log_var), Expected(KLS["expm1"](m, v), scale))


def test_the_condition_number_widens_the_tolerance() -> None:
    answer, expected = f32(1.0 + 300 * U32), Expected(np.array([1.0]))
    expect_close(answer, expected, condition=10)
    failure_of(answer, expected)


def test_a_float64_answer_is_held_to_float64() -> None:
    answer = np.array([1.0 + 1e-9])
    failure_of(answer, np.array([1.0]))


def test_a_widened_answer_is_held_to_the_precision_of_its_inputs() -> None:
    expect_close(1.0 + 1e-7, 1.0, given={"mean": f32(0.5)})
    failure_of(1.0 + 1e-7, 1.0, given={"mean": np.array([0.5])})


def test_a_lone_number_without_floating_inputs_may_come_from_float32() -> None:
    expect_close(1.0 + 1e-7, 1.0, given={"size": np.array([3])})
    failure_of(1.0 + 1e-5, 1.0)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_right_values_rounded_to_any_precision_pass(dtype: type) -> None:
    values = np.linspace(-3, 3, 7)
    expect_close(values.astype(dtype), values)


def test_underflow_to_a_subnormal_number_is_rounding() -> None:
    exact = np.array([1.2345e-42])
    expect_close(exact.astype(np.float32), exact)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_nan_and_infinity_fail_and_are_said(value: float) -> None:
    assert str(value) in failure_of(f32(1.0, value), np.array([1.0, 2.0])).message


def test_an_expected_infinity_is_met_by_infinity_only() -> None:
    expected = Expected(np.array([np.inf]), scale=np.array([1.0]))
    expect_close(f32(np.inf), expected)
    failure_of(f32(3.0), expected)


@pytest.mark.parametrize("value", [1.0, np.nan, np.inf])
def test_an_expected_nan_is_met_by_nothing(value: float) -> None:
    failure_of(f32(value), Expected(np.array([np.nan]), scale=np.array([1.0])))


def test_a_broadcastable_shape_fails_before_its_values_are_looked_at() -> None:
    message = failure_of(np.ones((3, 1), np.float32), np.ones(3)).message
    assert "has shape (3, 1) where (3,) is expected" in message
    assert "(3, 3)" in message


def test_integers_where_floats_are_expected_fail_by_kind() -> None:
    assert "dtype int64" in failure_of(np.array([1, 2]), np.array([1.0, 2.0])).message


def test_a_plain_integer_is_a_fine_answer_for_one_number() -> None:
    expect_close(0, 0.0)


def test_integer_answers_are_compared_exactly() -> None:
    expect_close(np.array([3, 4]), np.array([3, 4]))
    failure_of(np.array([3, 5]), np.array([3, 4]))
    assert "integers" in failure_of(f32(3, 4), np.array([3, 4])).message


def test_the_message_names_input_answer_and_expected_value() -> None:
    failure = failure_of(
        f32(4.0),
        Expected(np.array([2.0]), says="the expected log-ratio, integrated numerically,"),
        given={"mean": f32(2.0), "log_std": f32(0.0)},
        function="KLD",
    )
    assert failure.message == (
        "For mean = [2.0], log_std = [0.0] your KLD returned [4.0]. "
        "The expected log-ratio, integrated numerically, is [2.0]."
    )
    assert failure.counterexample is not None
    assert failure.counterexample.given["mean"].shape == (1,)
    assert failure.counterexample.returned is not None
    assert failure.counterexample.returned.text == "[4.0]"


def test_an_authors_message_replaces_the_expected_value() -> None:
    message = failure_of(f32(7.0), np.array([5.25]), message="Think of the unit.").message
    assert message.endswith("Think of the unit.")
    assert "5.25" not in message


def test_a_long_answer_is_told_by_its_first_wrong_place() -> None:
    answer = np.arange(100, dtype=np.float32)
    answer[[40, 60]] = -1
    message = failure_of(answer, np.arange(100.0)).message
    assert "wrong at 2 of 100 places" in message
    assert "(40,)" in message


def test_a_hidden_check_shows_neither_input_nor_answer_nor_expected_value() -> None:
    with recording(Recorder("KLD", hidden=True)):
        failure = failure_of(f32(4.125), np.array([2.375]), given={"mean": f32(7.5)})
    assert failure.message == "On an input that is not shown your KLD is wrong."
    assert failure.counterexample is None


def test_positional_inputs_take_the_names_of_the_declared_arguments() -> None:
    with recording(Recorder("KLD", ("mean", "log_std"))):
        message = failure_of(f32(1.0), np.array([2.0]), given=(f32(0.0), f32(1.0))).message
    assert message.startswith("For mean = [0.0], log_std = [1.0] your KLD returned")


@pytest.mark.parametrize(
    ("answer", "said"),
    [(None, "returned None"), ("text", "returned text"), ((1, 2), "a tuple"), ({}, "a dict")],
)
def test_an_answer_of_the_wrong_kind_is_an_error_of_the_student(answer: object, said: str) -> None:
    with pytest.raises(SubjectError, match=said):
        as_array(answer)


@pytest.mark.parametrize("answer", [[1, 2.5], [np.float32(1), 2.5], [f32(1.0), np.asarray(2.5)]])
def test_a_list_of_single_numbers_is_the_array_it_could_be(answer: list[object]) -> None:
    assert as_array(answer).tolist() == [1.0, 2.5]


@pytest.mark.parametrize("answer", [[], [f32(1.0, 2.0)], [[1.0]], [None]])
def test_any_other_list_is_no_array(answer: list[object]) -> None:
    with pytest.raises(SubjectError, match="a list"):
        as_array(answer)


def test_a_failed_call_is_raised_where_its_answer_is_used() -> None:
    with pytest.raises(SubjectError, match="ran out of time"):
        expect_close(SubjectError("ran out of time", "timeout"), 1.0)


def test_conditions_of_arrays_must_hold_everywhere() -> None:
    expect(np.array([True, True]), "unused")
    with pytest.raises(CheckFailure, match="Look at the sign") as caught:
        expect(np.array([True, False]), "Look at the sign.", found=np.float32(3))
    assert caught.value.evidence == {"found": 3.0}


def test_shapes_are_demanded_without_broadcasting() -> None:
    expect_shape(np.ones((2, 3)), (2, 3))
    with pytest.raises(CheckFailure, match=r"\(2, 3\) where \(3,\)"):
        expect_shape(np.ones((2, 3)), (3,))


def test_finiteness_counts_the_bad_places() -> None:
    expect_finite(f32(1, 2))
    with pytest.raises(CheckFailure, match="returned nan in 2 of 3 places"):
        expect_finite(f32(np.nan, 1, np.inf))


def test_a_plateau_neither_increases_nor_decreases() -> None:
    expect_increasing(f32(1, 2, 3))
    expect_decreasing(f32(3, 2, 1))
    with pytest.raises(CheckFailure, match="does not increase from index 1 to 2"):
        expect_increasing(f32(1, 2, 2), name="the variance")
    with pytest.raises(CheckFailure, match="does not decrease"):
        expect_decreasing(f32(3, np.nan, 1))


def test_nan_lies_in_no_interval() -> None:
    expect_between(f32(0, 1), 0, 1)
    with pytest.raises(CheckFailure, match="holds nan"):
        expect_between(f32(0, np.nan), 0, 1)


def test_credit_is_partial_between_nothing_and_everything() -> None:
    credit(1.0, "unused")
    for fraction, earned in ((0.25, 0.25), (-1.0, 0.0), (np.nan, 0.0)):
        with pytest.raises(CheckFailure) as caught:
            credit(fraction, "some way to go")
        assert caught.value.fraction == earned


@pytest.mark.parametrize(
    ("bpd", "earned"), [(1.0, 1.0), (1.75, 1.0), (2.175, 0.5), (2.6, 0.0), (9.0, 0.0)]
)
def test_points_fall_linearly_from_full_to_zero(bpd: float, earned: float) -> None:
    assert share(bpd, full=1.75, zero=2.60) == pytest.approx(earned)
