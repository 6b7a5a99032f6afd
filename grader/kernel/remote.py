"""A subject behind the fence: requests out, plain data back, and nothing of it believed."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence

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
from grader.errors import AssignmentError, SubjectError
from grader.kernel.local import as_error, as_files, as_state, called_back, raised
from grader.wire.channel import Channel, ChannelClosedError, ChannelTimeoutError
from grader.wire.codec import Encoder, WireError, decode
from grader.wire.messages import Failure, request_to_data

GRACE_SECONDS = 3.0
# For an interrupt to arrive that is on its way.
SETTLE_SECONDS = 0.3
MAX_CALLBACKS = 10_000
_KINDS = ("function", "class", "value", "missing")


class RemoteSubject(Subject):
    """The student's namespace at the other end of a channel.

    Args:
        channel: to the serve loop in the sandbox.
        call_seconds: deadline of one request, callbacks included.
        interrupt: asks the kernel to stop what it is doing.
        rebuild: starts the second sandbox of `rebuilt`.
    """

    def __init__(
        self,
        channel: Channel,
        call_seconds: float,
        interrupt: Callable[[], None],
        rebuild: Callable[[], Subject],
    ) -> None:
        self._channel = channel
        self._call_seconds = call_seconds
        self._interrupt = interrupt
        self._rebuild = rebuild
        self._gone: Failure | None = None
        # Kept for as long as the student's objects may hold them, as a constructor or a hook does.
        self._callbacks: list[Callback] = []

    def _request(self, request: Request) -> list[Value | SubjectError]:
        answers = self._exchange(request_to_data(request))
        if isinstance(answers, Failure):
            return [as_error(answers) for _ in request.calls]
        if not isinstance(answers, list) or len(answers) != len(request.calls):
            raise SubjectError("the kernel sent something else than one answer per call")
        return [_checked(as_error(answer), request) for answer in answers]

    def definition(self, name: str) -> Definition:
        """What `name` is in the student's namespace."""
        match raised(self._exchange({"op": "definition", "name": name})):
            case [str(kind), [*parameters]] if kind in _KINDS and _all_text(parameters):
                return Definition(kind, tuple(parameters))
            case _:
                raise SubjectError(f"the kernel did not say what {name} is")

    def value(self, name: str) -> Value:
        """A variable of the notebook, copied out."""
        return raised(self._exchange({"op": "value", "name": name}))

    def handle(self, name: str) -> Handle:
        """A variable of the notebook, left where it is."""
        found = raised(self._exchange({"op": "handle", "name": name}))
        if not isinstance(found, Handle):
            raise SubjectError(f"the kernel did not give {name}")
        return found

    def state(self, handle: Handle) -> dict[str, Array]:
        """The module's `state_dict()`, copied out."""
        return as_state(raised(self._exchange({"op": "state", "handle": handle})))

    def load_state(self, handle: Handle, tensors: Mapping[str, Array]) -> None:
        """Strict `load_state_dict`."""
        message = {"op": "load_state", "handle": handle, "tensors": dict(tensors)}
        raised(self._exchange(message))

    def files(self, patterns: Sequence[str]) -> dict[str, bytes]:
        """Small files in the kernel's working folder."""
        return as_files(raised(self._exchange({"op": "files", "patterns": list(patterns)})))

    def rebuilt(self) -> Subject:
        """The definitions of the same notebook in another sandbox."""
        return self._rebuild()

    def close(self) -> None:
        """Hangs up, which ends the serve loop."""
        self._channel.close()

    def _exchange(self, message: dict[str, Value]) -> Value:
        if self._gone is not None:
            return self._gone
        deadline = time.monotonic() + self._call_seconds
        try:
            return self._conversation(message, deadline)
        except ChannelTimeoutError:
            return self._timed_out()
        except ChannelClosedError:
            return self._lost("the kernel died while it answered", "error")
        except WireError as error:
            return self._lost(f"the kernel sent what is no answer: {error}", "error")

    def _conversation(self, message: dict[str, Value], deadline: float) -> Value:
        self._send(message, deadline)
        for _ in range(MAX_CALLBACKS):
            reply = self._receive(deadline)
            if "callback" not in reply:
                return reply.get("reply")
            self._send({"answer": _called(self._callbacks, reply)}, deadline)
        raise WireError("it called a function of the grader's too often")

    def _send(self, message: dict[str, Value], deadline: float) -> None:
        def register(callback: Callback) -> int:
            self._callbacks.append(callback)
            return len(self._callbacks) - 1

        try:
            header, payload = Encoder(register).encode(message)
        except WireError as error:
            raise AssignmentError(f"a check asks with what cannot cross: {error}") from error
        self._channel.send(header, payload, deadline)

    def _receive(self, deadline: float) -> dict[str, Value]:
        reply = decode(*self._channel.receive(deadline))
        if not isinstance(reply, dict):
            raise WireError("a reply is a dictionary")
        return reply

    def _timed_out(self) -> Failure:
        message = f"no answer within {self._call_seconds:.0f} s"
        self._interrupt()
        deadline = time.monotonic() + GRACE_SECONDS
        try:
            while "callback" in (reply := self._receive(deadline)):
                self._send({"answer": Failure("stopped")}, deadline)
        except (ChannelTimeoutError, ChannelClosedError, WireError):
            return self._lost(f"{message}, and none after an interrupt", "timeout")
        if not _was_interrupted(reply.get("reply")):
            # It answered just before the interrupt, which must not hit the next request instead.
            time.sleep(SETTLE_SECONDS)
        return Failure(message, "timeout")

    def _lost(self, message: str, fault: str) -> Failure:
        self._gone = Failure(message, fault)
        return self._gone


def _called(callbacks: list[Callback], reply: dict[str, Value]) -> Value:
    number, args, kwargs = reply["callback"], reply.get("args"), reply.get("kwargs")
    known = type(number) is int and 0 <= number < len(callbacks)
    if not known or not isinstance(args, list) or not isinstance(kwargs, dict):
        raise WireError("a callback of an unknown form")
    return called_back(callbacks[number], args, kwargs)


def _was_interrupted(reply: Value) -> bool:
    last = reply[-1] if isinstance(reply, list) and reply else reply
    return isinstance(last, Failure) and last.fault == "timeout"


def _all_text(parts: list[Value]) -> bool:
    return all(type(part) is str for part in parts)


def _checked(answer: Value | SubjectError, request: Request) -> Value | SubjectError:
    """Gradients come as a pair, kept objects as handles: anything else was not the serve loop."""
    if isinstance(answer, SubjectError):
        return answer
    if request.keep and not isinstance(answer, Handle):
        return SubjectError("the kernel did not give the object that it made")
    if request.wrt and not _is_gradient_pair(answer, len(request.wrt)):
        return SubjectError("the kernel did not give an answer with its gradients")
    return answer


def _is_gradient_pair(answer: Value, count: int) -> bool:
    return (
        isinstance(answer, tuple)
        and len(answer) == 2
        and isinstance(answer[1], list)
        and len(answer[1]) == count
        and all(isinstance(gradient, np.ndarray) for gradient in answer[1])
    )
