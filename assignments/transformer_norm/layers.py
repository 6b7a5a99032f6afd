"""Answers of a student's norm, a function or a class with weights of its own, judged alike."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from assignments.transformer_norm.definitions import Given
from assignments.transformer_norm.modules import (
    Built,
    attempted,
    build,
    class_of,
    load_norm,
    note,
)
from grader.checks import CheckFailure, Expected, Subject, expect_all_close
from grader.checks.subject import Value
from grader.errors import SubjectError

# What a class without an epsilon argument may have settled on.
USUAL_EPS = (1e-5, 1e-6, 1e-8, 1e-12, 1e-3, 1e-4, 1e-7, 1e-9, 1e-10, 2.0**-23)


def judge_norm(
    subject: Subject,
    function: str,
    inputs: Sequence[Given],
    expected: Callable[[Given], Expected],
    takes_bias: bool = True,
) -> None:
    """Demands the right norm of every input.

    Args:
        subject: the student's code.
        function: canonical name; a class that stands for it does as well.
        inputs: simplest first.
        expected: of one input.
        takes_bias: whether the function has a shift.

    Raises:
        CheckFailure: an answer is wrong under every epsilon that the student may have meant.
        SubjectError: the student's code raises.
    """
    asked = [_arguments(given, takes_bias) for given in inputs]
    shown = [dict(zip(_names(takes_bias), arguments, strict=True)) for arguments in asked]
    name = class_of(subject, function)
    if name is None:
        answers = subject.map(function, asked)
        expect_all_close(answers, list(map(expected, inputs)), given=shown)
        return
    answers, own_eps = _of_class(subject, name, inputs, takes_bias)
    for arguments, answer in zip(asked, answers, strict=True):
        note(subject, function, arguments, answer)
    meant = [[given._replace(eps=eps) for given in inputs] for eps in USUAL_EPS]
    _judge_any(answers, meant if own_eps else [list(inputs)], expected, shown, name)


def _arguments(given: Given, takes_bias: bool) -> tuple[Value, ...]:
    return tuple(given) if takes_bias else (given.x, given.weight, given.eps)


def _names(takes_bias: bool) -> tuple[str, ...]:
    return Given._fields if takes_bias else ("x", "weight", "eps")


def _of_class(
    subject: Subject, name: str, inputs: Sequence[Given], takes_bias: bool
) -> tuple[list[Value | SubjectError], bool]:
    """Answers of one object for each input, and whether the class has an epsilon of its own."""
    answers: list[Value | SubjectError] = []
    own_eps = False
    for given in inputs:
        built = build(subject, name, {"dim": len(given.weight), "eps": given.eps})
        own_eps |= not built.takes_eps
        bias = given.bias if takes_bias else None
        answers.append(attempted(lambda: _loaded_answer(subject, built, given, bias)))  # noqa: B023  called at once
    return answers, own_eps


def _loaded_answer(subject: Subject, built: Built, given: Given, bias: Value) -> Value:
    load_norm(subject, built.handle, given.weight, bias)
    return subject.call(built.handle, given.x)


def _judge_any(
    answers: Sequence[Value | SubjectError],
    readings: Sequence[Sequence[Given]],
    expected: Callable[[Given], Expected],
    shown: Sequence[dict[str, Value]],
    name: str,
) -> None:
    first: CheckFailure | None = None
    for inputs in readings:
        try:
            wanted = list(map(expected, inputs))
            expect_all_close(answers, wanted, given=shown, function=name)
        except CheckFailure as failure:
            first = first or failure
        else:
            return
    assert first is not None
    raise first
