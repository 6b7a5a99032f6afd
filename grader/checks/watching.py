"""A subject that remembers what the function under test was asked and what it answered."""

from __future__ import annotations

from collections.abc import Mapping

from grader.checks.subject import (
    Array,
    Call,
    Definition,
    Handle,
    Request,
    Subject,
    Value,
)
from grader.errors import SubjectError

_REMEMBERED = 512  # two ladders; a check that asks more is judged on the first of them


class Watched(Subject):
    """Passes everything on, and keeps the plain calls of one function for diagnosis."""

    def __init__(self, subject: Subject, function: str) -> None:
        self._subject = subject
        self._function = function
        self.calls: list[tuple[Call, Value]] = []

    def _request(self, request: Request) -> list[Value | SubjectError]:
        answers = self._subject._request(request)
        plain = not (request.keep or request.wrt or request.method)
        if request.target == self._function and plain:
            room = _REMEMBERED - len(self.calls)
            self.calls += list(zip(request.calls, answers, strict=True))[:room]
        return answers

    def definition(self, name: str) -> Definition:
        """Passed on."""
        return self._subject.definition(name)

    def value(self, name: str) -> Value:
        """Passed on."""
        return self._subject.value(name)

    def handle(self, name: str) -> Handle:
        """Passed on."""
        return self._subject.handle(name)

    def state(self, handle: Handle) -> dict[str, Array]:
        """Passed on."""
        return self._subject.state(handle)

    def load_state(self, handle: Handle, tensors: Mapping[str, Array]) -> None:
        """Passed on."""
        self._subject.load_state(handle, tensors)

    def rebuilt(self) -> Subject:
        """Passed on; what the rebuilt one is asked is not remembered."""
        return self._subject.rebuilt()
