"""Right functions in the place of the student's own, for what builds on them.

A loss or a bound calls the functions that earlier questions ask for. Where it fails, it is judged
once more with right ones in their place, so that a mistake costs its points where it is made.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from functools import wraps
from typing import Any, TypeAlias

from grader.checks import Array, Callback, CheckFailure, Handle, Subject, evidence
from grader.errors import SubjectError

Judge: TypeAlias = Callable[..., None]
# By the student's names; each is made anew, since some keep count of what they drew.
Right: TypeAlias = Mapping[str, Callable[[], Callable[..., Array]]]
# What an earlier function may raise, or leave to be written; a second try takes as long again.
_ITS_OWN = ("error", "missing")


def forgiving(right: Right, model: str = "") -> Callable[[Judge], Judge]:
    """Judges again, where a check fails, with right functions in the place of these.

    A statistical check spends half of its alpha each time.

    Args:
        right: what the function that is asked for may build on.
        model: class whose methods call them, if it is one that is asked for.
    """

    def around(judge: Judge) -> Judge:
        @wraps(judge)
        def judged(subject: Subject, **others: Any) -> None:
            try:
                judge(subject, **others)
            except (CheckFailure, SubjectError) as failure:
                if isinstance(failure, SubjectError) and failure.fault not in _ITS_OWN:
                    raise
                try:
                    with _in_place(subject, right, model):
                        judge(subject, **others)
                except (CheckFailure, SubjectError):
                    raise failure from None
                evidence(follows_from_own_functions=True)

        return judged

    return around


@contextmanager
def _in_place(subject: Subject, right: Right, model: str) -> Iterator[None]:
    """Right functions wherever the student's code looks its own ones up; the own ones come back."""
    with ExitStack() as stack:
        # Files may have imported a function by its name: each has globals of its own.
        for handle, place in _homes(subject, [*right], model):
            for name, make in right.items():
                stack.enter_context(_replaced(subject, handle, place, name, make()))
        yield


def _homes(subject: Subject, names: list[str], model: str) -> Iterator[tuple[Handle, str]]:
    """Handles, each with the way from there to the globals of a file."""
    for name in names:
        if subject.definition(name).kind == "function":
            yield subject.handle(name), "__globals__"
    if subject.definition(model).kind == "class":
        made_in = "__init__.__globals__"
        yield subject.handle(model), made_in
        # `codebase.utils` is another copy of a file than the one that is graded.
        for alias in ("ut", "utils"):
            with suppress(SubjectError):
                yield subject.new(model, alias, method=f"{made_in}.__getitem__"), "__dict__"


@contextmanager
def _replaced(
    subject: Subject, handle: Handle, place: str, name: str, function: Callable[..., Array]
) -> Iterator[None]:
    """One function replaced; whoever does so twice puts back in reverse what was there."""
    try:
        own = subject.new(handle, name, method=f"{place}.__getitem__")
        subject.call(handle, {name: Callback(function)}, method=f"{place}.update")
    except SubjectError:  # not looked up from there
        yield
        return
    try:
        yield
    finally:
        subject.call(handle, {name: own}, method=f"{place}.update")
