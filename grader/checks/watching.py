"""A subject that remembers what the function under test was asked and what it answered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from grader.checks.subject import (
    Array,
    Definition,
    Handle,
    Request,
    Subject,
    Value,
)
from grader.errors import SubjectError

_REMEMBERED = 512  # two ladders; a check that asks more is judged on the first of them


class Watched(Subject):
    """Passes everything on, and keeps what one function was asked, for diagnosis.

    Attributes:
        function: whose requests are kept.
        calls: requests of one call each, with their answers.
        answers: everything that was answered, in order.
        asked: every name that was called, read or taken hold of.
    """

    def __init__(self, subject: Subject, function: str = "") -> None:
        self._subject = subject
        self.function = function
        self.calls: list[tuple[Request, Value]] = []
        self.answers: list[Value | SubjectError] = []
        self.asked: set[str] = set()

    def _request(self, request: Request) -> list[Value | SubjectError]:
        answers = self._subject._request(request)
        self.answers += answers
        if isinstance(request.target, str):
            self.asked.add(request.target)
        if request.target == self.function and not (request.keep or request.method):
            single = (replace(request, calls=(call,)) for call in request.calls)
            room = _REMEMBERED - len(self.calls)
            self.calls += list(zip(single, answers, strict=True))[:room]
        return answers

    def definition(self, name: str) -> Definition:
        """Passed on."""
        return self._subject.definition(name)

    def value(self, name: str) -> Value:
        """Passed on."""
        self.asked.add(name)
        return self._subject.value(name)

    def handle(self, name: str) -> Handle:
        """Passed on."""
        self.asked.add(name)
        return self._subject.handle(name)

    def state(self, handle: Handle) -> dict[str, Array]:
        """Passed on."""
        return self._subject.state(handle)

    def load_state(self, handle: Handle, tensors: Mapping[str, Array]) -> None:
        """Passed on."""
        self._subject.load_state(handle, tensors)

    def rebuilt(self) -> Subject:
        """Passed on; names asked of the rebuilt one are noted, its answers are not."""
        other = Watched(self._subject.rebuilt())
        other.asked = self.asked
        return other
