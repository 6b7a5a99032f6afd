from __future__ import annotations

from itertools import count

import pytest
from hypothesis import strategies

from grader.checks import search
from grader.errors import SubjectError


def test_a_bug_at_seven_dimensions_is_shrunk_to_seven() -> None:
    sizes = strategies.integers(1, 64)
    assert search(sizes, lambda size: size < 7, seed=1) == 7


def test_a_property_that_holds_yields_nothing() -> None:
    assert search(strategies.integers(), lambda _value: True, seed=1) is None


def test_the_same_seed_asks_the_same_questions() -> None:
    asked: list[list[int]] = [[], []]
    for seen in asked:
        search(strategies.integers(), lambda v, seen=seen: seen.append(v) is None, seed=7)
    assert asked[0] == asked[1]
    assert len(set(asked[0])) > 50


def test_no_more_examples_are_tried_than_asked_for() -> None:
    seen: list[int] = []
    search(strategies.integers(), lambda v: seen.append(v) is None, seed=1, max_examples=20)
    assert len(seen) <= 20


def test_an_error_of_the_student_comes_through() -> None:
    def raises(value: int) -> bool:
        raise SubjectError("KLD raised IndexError")

    with pytest.raises(SubjectError, match="IndexError"):
        search(strategies.integers(), raises, seed=1)


def test_code_that_changes_its_answers_is_told_so() -> None:
    calls = count()
    with pytest.raises(SubjectError, match="different answers"):
        search(strategies.integers(), lambda _value: next(calls) != 5, seed=1)
