from __future__ import annotations

import numpy as np

from grader.checks.comparison import compare
from grader.checks.expected import Expected, by_shape
from grader.checks.subject import Array

SHAPES = ((2,), (1, 3), (2,), (), (1, 3))
INPUTS = [(np.full(shape, i + 1.0), np.full(shape, 0.5)) for i, shape in enumerate(SHAPES)]


def test_inputs_of_one_shape_are_asked_at_once_and_answered_in_their_order() -> None:
    asked = []

    def difference(first: Array, second: Array) -> Expected:
        asked.append(first.shape)
        return Expected(first - second, first + second, says="the difference")

    found = by_shape(difference, INPUTS)
    assert asked == [(2, 2), (2, 1, 3), (1,)]
    for i, (expected, shape) in enumerate(zip(found, SHAPES, strict=True)):
        assert expected.value.shape == expected.scale.shape == shape
        assert np.all(expected.value == i + 0.5)
        assert np.all(expected.scale == i + 1.5)
        assert expected.says == "the difference"


def test_nothing_asked_is_nothing_expected() -> None:
    assert by_shape(Expected, []) == []


def test_terms_may_be_added_one_after_the_other() -> None:
    # Half a unit in the last place of 1e4 is 4.9e-4 in float32: every term after the first is lost.
    terms = np.r_[1e4, np.full(4095, 4e-4)].astype(np.float32)
    answer = np.float32(0)
    for term in terms:
        answer += term
    assert answer == np.float32(1e4)
    assert compare(answer, Expected.of_terms([terms]), [terms]) is None
    assert compare(answer, Expected(terms.sum(dtype=float), np.abs(terms).sum()), [terms])


def test_few_terms_do_not_narrow_the_tolerance() -> None:
    few, alone = Expected.of_terms([np.ones((2, 3))]), Expected(np.full(2, 3.0))
    np.testing.assert_array_equal(few.tolerance(np.dtype("f4")), alone.tolerance(np.dtype("f4")))


def test_inputs_of_one_shape_keep_the_length_of_their_sums() -> None:
    inputs = [(np.ones(100),), (np.ones(7),), (np.zeros(100),)]
    found = by_shape(lambda x: Expected.of_terms([x]), inputs)
    assert [each.additions for each in found] == [100, 7, 100]
