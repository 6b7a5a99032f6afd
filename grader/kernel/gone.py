"""The subject of a kernel that is no more: every question to it has the same answer."""

from __future__ import annotations

from collections.abc import Mapping

from grader.checks.subject import Array, Definition, Handle, Request, Subject, Value
from grader.errors import SubjectError, SubjectFault


class GoneSubject(Subject):
    """Raises the reason why there is nothing to ask.

    Args:
        reason: one sentence for the student.
        fault: which verdict it becomes.
    """

    def __init__(self, reason: str, fault: SubjectFault) -> None:
        self._reason = reason
        self._fault = fault

    def _request(self, request: Request) -> list[Value | SubjectError]:  # noqa: ARG002  asked in vain
        raise self._error()

    def definition(self, name: str) -> Definition:  # noqa: ARG002  asked in vain
        """Raises the reason."""
        raise self._error()

    def value(self, name: str) -> Value:  # noqa: ARG002  asked in vain
        """Raises the reason."""
        raise self._error()

    def handle(self, name: str) -> Handle:  # noqa: ARG002  asked in vain
        """Raises the reason."""
        raise self._error()

    def state(self, handle: Handle) -> dict[str, Array]:  # noqa: ARG002  asked in vain
        """Raises the reason."""
        raise self._error()

    def load_state(self, handle: Handle, tensors: Mapping[str, Array]) -> None:  # noqa: ARG002  asked in vain
        """Raises the reason."""
        raise self._error()

    def rebuilt(self) -> Subject:
        """Raises the reason."""
        raise self._error()

    def _error(self) -> SubjectError:
        return SubjectError(self._reason, self._fault)
