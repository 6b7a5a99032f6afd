"""A subject in this very process: for students who check themselves, and for audits."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from grader.checks.subject import (
    Array,
    Callback,
    Definition,
    Handle,
    Request,
    Subject,
    Value,
)
from grader.errors import SubjectError, SubjectFault
from grader.kernel.inside.dispatch import Dispatcher, one_line
from grader.wire.codec import encode
from grader.wire.messages import Failure

# Whatever was sent: a verdict's message is a sentence or two.
MAX_MESSAGE = 600
_FAULTS: dict[str, SubjectFault] = {
    "error": "error",
    "missing": "missing",
    "timeout": "timeout",
    "memory": "memory",
}


class LocalSubject(Subject):
    """The student's namespace in the grader's own process: no fence, the same dispatcher.

    Args:
        namespace: the student's globals.
        rebuild: makes the namespace of definitions anew; None where that is not possible.
    """

    def __init__(
        self,
        namespace: Mapping[str, Any],
        rebuild: Callable[[], Mapping[str, Any]] | None = None,
    ) -> None:
        self._dispatcher = Dispatcher(namespace, _call_back)
        self._rebuild = rebuild

    def _request(self, request: Request) -> list[Value | SubjectError]:
        return [as_error(answer) for answer in self._dispatcher.call(request)]

    def definition(self, name: str) -> Definition:
        """What `name` is in the namespace."""
        return self._dispatcher.definition(name)

    def value(self, name: str) -> Value:
        """A variable, copied out."""
        return raised(self._dispatcher.value(name))

    def handle(self, name: str) -> Handle:
        """A handle on a variable."""
        found = raised(self._dispatcher.handle(name))
        assert isinstance(found, Handle)
        return found

    def state(self, handle: Handle) -> dict[str, Array]:
        """The module's state, copied out."""
        return as_state(raised(self._dispatcher.state(handle)))

    def load_state(self, handle: Handle, tensors: Mapping[str, Array]) -> None:
        """Strict `load_state_dict`."""
        raised(self._dispatcher.load_state(handle, tensors))

    def files(self, patterns: Sequence[str]) -> dict[str, bytes]:
        """Small files in the working folder."""
        return as_files(raised(self._dispatcher.files(patterns)))

    def rebuilt(self) -> Subject:
        """The definitions in a namespace of their own."""
        if self._rebuild is None:
            raise SubjectError("the definitions of this code cannot be executed a second time")
        return LocalSubject(self._rebuild(), self._rebuild)


def as_error(answer: Value) -> Value | SubjectError:
    """A `Failure` as the error that it stands for; anything else as it is."""
    if not isinstance(answer, Failure):
        return answer
    message = one_line(answer.message, MAX_MESSAGE)
    return SubjectError(message, _FAULTS.get(answer.fault, "error"))


def raised(answer: Value) -> Value:
    """The answer, or its `Failure` raised."""
    result = as_error(answer)
    if isinstance(result, SubjectError):
        raise result
    return result


def as_state(state: Value) -> dict[str, Array]:
    """A state dictionary in which every value is an array.

    Raises:
        SubjectError: it is anything else.
    """
    if not isinstance(state, dict) or not all(isinstance(v, np.ndarray) for v in state.values()):
        raise SubjectError("state_dict() returned something else than named tensors")
    return state


def as_files(files: Value) -> dict[str, bytes]:
    """Contents of files by name.

    Raises:
        SubjectError: it is anything else.
    """
    if not isinstance(files, dict):
        raise SubjectError("the kernel did not say which files there are")
    return {
        str(name): content.tobytes()
        for name, content in files.items()
        if isinstance(content, np.ndarray) and content.dtype == np.uint8
    }


def called_back(callback: Callback, args: list[Value], kwargs: dict[str, Value]) -> Value:
    """What the grader's function says to arguments that the student's code chose."""
    try:
        answer = callback.function(*args, **kwargs)
        encode(answer)  # in process too, only what could cross is passed on
    except Exception as error:  # noqa: BLE001  the arguments may be anything
        return Failure(f"the function that was passed in cannot take this: {error}")
    return answer


def _call_back(callback: Callback, args: list[Value], kwargs: dict[str, Value]) -> Value:
    answer = called_back(callback, args, kwargs)
    if isinstance(answer, Failure):
        raise RuntimeError(answer.message)
    return answer
