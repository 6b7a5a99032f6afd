from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from grader.checks import Handle
from grader.checks.subject import Call, Request
from grader.checks.watching import Watched


def square(x: np.ndarray) -> np.ndarray:
    return x**2


@pytest.fixture
def watched(subject_of: Callable[..., Any]) -> Watched:
    return Watched(subject_of(square=square, cube=lambda x: x**3), "square")


def test_each_call_of_the_function_is_kept_with_its_answer(watched: Watched) -> None:
    watched.map("square", [(2,), (3,)])
    watched.call("cube", 2)
    assert [(request.calls, answer) for request, answer in watched.calls] == [
        ((Call((2,)),), 4),
        ((Call((3,)),), 9),
    ]
    assert watched.asked == {"square", "cube"}


def test_a_gradient_is_kept_as_what_it_is(watched: Watched) -> None:
    watched._request(Request("square", (Call((2,)),), wrt=(0,)))
    assert watched.calls[0][0].wrt == (0,)


def test_objects_and_methods_are_not_kept(watched: Watched) -> None:
    watched._request(Request("square", (Call((2,)),), keep=True))
    watched._request(Request("square", (Call((2,)),), method="forward"))
    assert watched.calls == []


def test_memory_is_bounded(watched: Watched) -> None:
    for _ in range(3):
        watched.map("square", [(i,) for i in range(256)])
    assert len(watched.calls) == 512


def test_what_a_rebuilt_subject_is_asked_is_noted(watched: Watched) -> None:
    assert watched.rebuilt().call("cube", 2) == 8
    assert watched.asked == {"cube"}


def test_everything_else_is_passed_on(watched: Watched) -> None:
    assert watched.definition("square").kind == "function"
    assert watched.definition("nothing").kind == "missing"
    for ask in (
        lambda: watched.value("x"),
        lambda: watched.handle("net"),
        lambda: watched.state(Handle(1)),
        lambda: watched.load_state(Handle(1), {}),
    ):
        with pytest.raises(NotImplementedError):
            ask()
    assert watched.asked == {"x", "net"}
