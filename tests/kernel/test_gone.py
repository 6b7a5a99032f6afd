from __future__ import annotations

from collections.abc import Callable

import pytest

from grader.checks.subject import Handle, Subject
from grader.errors import SubjectError
from grader.kernel.gone import GoneSubject

QUESTIONS: list[Callable[[Subject], object]] = [
    lambda subject: subject.call("f"),
    lambda subject: subject.map("f", [[1]]),
    lambda subject: subject.new("Model"),
    lambda subject: subject.definition("f"),
    lambda subject: subject.value("x"),
    lambda subject: subject.handle("x"),
    lambda subject: subject.state(Handle(0)),
    lambda subject: subject.load_state(Handle(0), {}),
    lambda subject: subject.rebuilt(),
]


@pytest.mark.parametrize("ask", QUESTIONS)
def test_every_question_has_the_reason_as_its_answer(ask: Callable[[Subject], object]) -> None:
    with pytest.raises(SubjectError, match="the kernel died") as caught:
        ask(GoneSubject("the kernel died", "memory"))
    assert caught.value.fault == "memory"
