from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from grader.checks import CheckFailure, Expected, judge_by_any, like
from grader.errors import SubjectError


def judge_three(value: int) -> None:
    if value != 3:
        raise CheckFailure(f"3 is not {value}")


def unreached() -> Iterator[None]:
    pytest.fail("asked for the student's own functions without need")
    yield


def failing(error: Exception) -> int:
    raise error


def test_right_answers_are_not_held_against_anything_else() -> None:
    judge_by_any(judge_three, 3, unreached())


def test_one_way_that_explains_the_answers_is_enough() -> None:
    judge_by_any(judge_three, 4, [lambda: 5, lambda: 3])


def test_answers_that_nothing_explains_fail_by_the_right_values() -> None:
    with pytest.raises(CheckFailure, match="3 is not 4"):
        judge_by_any(judge_three, 4, [lambda: 5])


@pytest.mark.parametrize(
    "error", [CheckFailure("no"), SubjectError("no"), ValueError("no"), IndexError("no")]
)
def test_a_way_that_fails_explains_nothing(error: Exception) -> None:
    with pytest.raises(CheckFailure, match="3 is not 4"):
        judge_by_any(judge_three, 4, [lambda: failing(error)])


def test_faults_of_the_check_itself_are_not_hidden() -> None:
    with pytest.raises(ZeroDivisionError):
        judge_by_any(judge_three, 4, [lambda: failing(ZeroDivisionError())])


def test_wrong_numbers_have_roundings_of_their_own_size() -> None:
    right = Expected(np.asarray([1.0, 2.0]), np.asarray([3.0, 3.0]), "what is right")
    own = like(np.asarray([100.0, -4.0], np.float32), right)
    assert own.scale is not None
    assert own.value.tolist() == [100.0, -4.0]
    assert own.scale.tolist() == [103.0, 7.0]
    assert own.says == "what is right"


def test_numbers_of_another_shape_are_as_rough_as_the_roughest() -> None:
    right = Expected(np.asarray([1.0, 2.0]), np.asarray([3.0, 5.0]))
    own = like(np.asarray([[1.0], [2.0]]), right)
    assert own.scale is not None
    assert own.scale.tolist() == [[6.0], [7.0]]


def test_more_numbers_than_the_right_ones_explain_nothing() -> None:
    with pytest.raises(ValueError, match="shape"):
        like(np.ones(3), Expected(np.ones(2)))
