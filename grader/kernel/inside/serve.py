"""The serve loop: reads a request, carries it out on the student's namespace, sends the answer."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any

from grader.kernel.inside.dispatch import Dispatcher
from grader.wire.channel import Channel, ChannelClosedError
from grader.wire.codec import WireError, decode, encode
from grader.wire.messages import Callback, Failure, Value, request_from_data


def serve(namespace: Mapping[str, Any], channel: Channel) -> None:
    """Answers requests until the grader hangs up."""
    loop = _Loop(namespace, channel)
    with contextlib.closing(channel):
        while True:
            try:
                loop.turn()
            except ChannelClosedError:
                return
            except KeyboardInterrupt:
                # An interrupt that came too late, when the call had already been answered.
                continue


class _Loop:
    def __init__(self, namespace: Mapping[str, Any], channel: Channel) -> None:
        self._channel = channel
        self._dispatcher = Dispatcher(namespace, self._call_back)

    def turn(self) -> None:
        answer = self._answer(self._read())
        try:
            header, payload = encode({"reply": answer})
            self._channel.send(header, payload)
        except WireError as error:
            # The answer cannot cross; the reason can.
            self._channel.send(*encode({"reply": Failure(f"the answer was refused: {error}")}))

    def _answer(self, message: dict[str, Value]) -> Value:
        operation = message["op"]
        if operation == "call":
            return self._dispatcher.call(request_from_data(message))
        if operation == "definition":
            found = self._dispatcher.definition(message["name"])
            return [found.kind, list(found.parameters)]
        if operation in ("value", "handle"):
            return getattr(self._dispatcher, operation)(message["name"])
        if operation == "state":
            return self._dispatcher.state(message["handle"])
        if operation == "files":
            return self._dispatcher.files(message["patterns"])
        assert operation == "load_state"
        return self._dispatcher.load_state(message["handle"], message["tensors"])

    def _call_back(self, callback: Callback, args: list[Value], kwargs: dict[str, Value]) -> Value:
        number = callback.function()
        try:
            self._channel.send(*encode({"callback": number, "args": args, "kwargs": kwargs}))
        except WireError as error:
            raise TypeError(f"the function cannot be called with this: {error}") from error
        answer = self._read()
        if isinstance(answer["answer"], Failure):
            raise RuntimeError(answer["answer"].message)
        return answer["answer"]

    def _read(self) -> dict[str, Value]:
        header, payload = self._channel.receive()
        message: dict[str, Value] = decode(header, payload, _numbered)
        return message


def _numbered(number: int) -> Callback:
    """Stands for a function of the grader's: all that is known here is its number."""
    return Callback(lambda: number)
