"""What becomes of a call that fails, whatever was raised."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from grader.kernel.inside.dispatch import one_line
from tests.kernel.inside.dispatched import fails, student


class MuteError(Exception):
    def __str__(self) -> str:
        raise SystemExit


class ChattyError(Exception):
    def __str__(self) -> str:
        return "two\nlines \x1b[31mred\x00 \ud800" + "x" * 100_000


class Lying(type):
    @property
    def __name__(cls) -> str:
        raise RuntimeError


class NamelessError(Exception, metaclass=Lying):
    pass


def raising(error: BaseException) -> Any:
    def f() -> None:
        raise error

    return f


@pytest.mark.parametrize(
    "error", [MuteError(), ChattyError(), NamelessError("x")], ids=["mute", "chatty", "name"]
)
def test_hostile_exceptions_are_described_in_one_bounded_printable_line(error: Exception) -> None:
    message = str(fails(f=raising(error)))
    assert message.startswith("f raised ")
    assert message.isprintable()
    assert len(message) < 500
    message.encode()


def test_an_exception_without_text_has_a_name() -> None:
    assert str(fails(f=raising(StopIteration()))) == "f raised StopIteration"


def test_exit_is_the_students_error() -> None:
    assert str(fails(f=raising(SystemExit(0)))) == "f raised SystemExit: 0"


def test_running_out_of_memory_is_told_apart() -> None:
    assert fails(f=raising(MemoryError())).fault == "memory"


def test_running_out_of_gpu_memory_is_told_apart() -> None:
    failure = fails(f=raising(torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to")))
    assert (failure.fault, str(failure)) == ("memory", "f ran out of GPU memory")
    assert fails(f=raising(RuntimeError("CUDA error"))).fault == "error"


def test_an_interrupt_ends_the_whole_request() -> None:
    asked = []

    def f(x: int) -> int:
        asked.append(x)
        if x == 1:
            raise KeyboardInterrupt
        return x

    answers = student(f=f).map("f", [[0], [1], [2], [3]])
    assert asked == [0, 1]
    assert answers[0] == 0
    assert [answer.fault for answer in answers[1:]] == ["timeout"] * 3


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a\n\tb  c", "a b c"),
        ("\x1b[0m", "\N{REPLACEMENT CHARACTER}[0m"),
        ("\u202egnp", "\N{REPLACEMENT CHARACTER}gnp"),
        ("x" * 20, "x" * 10),
    ],
)
def test_one_line_is_printable_and_bounded(text: str, line: str) -> None:
    assert one_line(text, 10) == line


def test_a_stub_that_was_handed_out_is_not_attempted() -> None:
    def stub() -> Any:
        raise NotImplementedError

    def refuses() -> Any:
        raise NotImplementedError("for a batch of one")

    error = fails(f=stub)
    assert (error.fault, str(error)) == (
        "missing",
        "not attempted: f is still as it was handed out",
    )
    assert fails(f=refuses).fault == "error"


def test_a_function_of_the_students_in_the_place_of_all_changes_no_input() -> None:
    def f(pair: tuple[float, float]) -> float:
        return sum(pair)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("builtins.all", lambda _values: True)
        assert student(f=f).call("f", (1.5, 2.5)) == 4.0
