from __future__ import annotations

import numpy as np

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
