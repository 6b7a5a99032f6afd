"""A student's model with parts of the grader's in the place of its own encoder and decoder.

Bounds, losses and samplers are methods of a class that holds networks. With networks that are
known, everything that such a method returns can be written out, whatever its architecture is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

from grader.checks import Callback, Handle, Subject
from grader.checks.subject import Value
from grader.errors import SubjectError

Parts: TypeAlias = Mapping[str, Callable[..., Value]]


def made(
    subject: Subject, name: str, wanted: Mapping[str, Value], seed: int | None = None
) -> Handle:
    """An object of the student's class, given those arguments that its constructor takes."""
    takes = subject.definition(name).parameters
    given = {key: value for key, value in wanted.items() if key in takes}
    return subject.new(name, seed=seed, **given)


def with_parts(
    make: Callable[[], Handle], subject: Subject, parts: Parts, ask: Callable[[Handle], Value]
) -> Value:
    """What a model answers with the grader's functions for parts of it.

    A part is replaced as a whole, so that a mistake in it is not marked down again. Where the model
    asks its part for more than a call, such as its size, the part stays and its answer is replaced.

    Raises:
        SubjectError: the model cannot be made, or cannot answer in either way.
    """
    model = make()
    try:
        for name, function in parts.items():
            subject.call(model, name, Callback(function), method="__setattr__")
        return ask(model)
    except SubjectError:
        model = make()
    for name, function in parts.items():
        hook = Callback(_answering(function))
        subject.call(model, hook, method=f"{name}.register_forward_hook", with_kwargs=True)
    return ask(model)


def _answering(function: Callable[..., Value]) -> Callable[..., Value]:
    """A forward hook that answers instead of its module."""

    def hook(_module: Value, args: tuple[Value, ...], kwargs: dict[str, Value], _: Value) -> Value:
        return function(*args, **kwargs)

    return hook
