"""The trusted end of the channel against peers that lie, are silent or die."""

from __future__ import annotations

import os
import socket
import struct
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import numpy as np
import pytest

from grader.checks.subject import Call, Callback, Handle, Request
from grader.errors import SubjectError
from grader.kernel import remote
from grader.kernel.local import MAX_MESSAGE
from grader.kernel.remote import RemoteSubject
from grader.wire.channel import MAGIC, Channel, ChannelClosedError
from grader.wire.codec import encode
from grader.wire.messages import Failure
from tests.kernel.asking import Make, fails


def no_rebuild() -> Any:
    raise SubjectError("cannot")


@pytest.fixture
def against(ends: ExitStack, monkeypatch: pytest.MonkeyPatch) -> Make:
    """A subject whose peer does what a function tells it to."""
    monkeypatch.setattr(remote, "GRACE_SECONDS", 0.2)
    monkeypatch.setattr(remote, "SETTLE_SECONDS", 0.05)

    def make(
        peer: Callable[[Channel], None],
        seconds: float = 5,
        interrupt: Callable[[], None] = lambda: None,
    ) -> RemoteSubject:
        ours, theirs = socket.socketpair()

        def run() -> None:
            channel = Channel(theirs)
            try:
                peer(channel)
            except ChannelClosedError:
                pass
            finally:
                channel.close()

        thread = threading.Thread(target=run)
        thread.start()
        subject = RemoteSubject(Channel(ours), seconds, interrupt, no_rebuild)
        ends.callback(thread.join, 5)
        ends.callback(subject.close)
        return subject

    return make


def replies(*answers: Any) -> Callable[[Channel], None]:
    """A peer that answers each request with the next of these."""

    def peer(channel: Channel) -> None:
        for answer in answers:
            channel.receive()
            channel.send(*encode(answer))
        channel.receive()

    return peer


def frames(*raw: bytes) -> Callable[[Channel], None]:
    def peer(channel: Channel) -> None:
        channel.receive()
        with socket.socket(fileno=os.dup(channel.fileno())) as stream:
            for part in raw:
                stream.sendall(part)
        channel.receive()

    return peer


BAD = {
    "no reply": {"something": 1},
    "one answer too few": {"reply": [1]},
    "one answer too many": {"reply": [1, 2, 3]},
    "a tuple": {"reply": (1, 2)},
    "text": {"reply": "no"},
}


@pytest.mark.parametrize("reply", BAD.values(), ids=BAD.keys())
def test_anything_else_than_one_answer_per_call_is_the_students_error(
    against: Make, reply: Any
) -> None:
    subject = against(replies(reply, {"reply": [5]}))
    assert "one answer per call" in str(fails(lambda: subject.map("f", [[1], [2]])))
    assert subject.call("f") == 5


@pytest.mark.parametrize(
    "answer",
    [
        Handle(0),
        1.0,
        (1.0, [np.ones(1)]),
        (1.0, np.ones(2)),
        (1.0, [np.ones(1), [1, [2]]]),
        (1.0, [np.ones(1), "text"]),
        (1.0, [np.ones(1), Handle(1)]),
        [1.0, [np.ones(1), np.ones(1)]],
    ],
)
def test_a_gradient_is_an_answer_with_one_array_for_each_input(against: Make, answer: Any) -> None:
    subject = against(replies({"reply": [answer]}))
    error = fails(lambda: subject.gradient("f", 1, 2, wrt=[0, 1]))
    assert "an answer with its gradients" in str(error)


def test_a_constructed_object_is_a_handle(against: Make) -> None:
    subject = against(replies({"reply": [3]}))
    assert "did not give the object" in str(fails(lambda: subject.new("Model")))


def test_every_other_question_wants_its_own_kind_of_answer(against: Make) -> None:
    subject = against(replies(*[{"reply": 3}] * 3, {"reply": {"w": 1}}))
    assert "did not say what f is" in str(fails(lambda: subject.definition("f")))
    assert "did not give f" in str(fails(lambda: subject.handle("f")))
    for _ in range(2):
        assert "something else than named tensors" in str(fails(lambda: subject.state(Handle(0))))


@pytest.mark.parametrize("reply", [["spell", []], ["class", [1]], ["class", "x"], ["class"]])
def test_a_definition_is_a_known_kind_with_names(against: Make, reply: Any) -> None:
    subject = against(replies({"reply": reply}))
    assert "did not say what f is" in str(fails(lambda: subject.definition("f")))


def test_a_failure_may_stand_for_all_answers(against: Make) -> None:
    subject = against(replies({"reply": Failure("no", "memory")}))
    answers = subject.map("f", [[1], [2]])
    assert [(str(error), error.fault) for error in answers] == [("no", "memory")] * 2


def test_messages_of_the_other_side_are_one_bounded_printable_line(against: Make) -> None:
    hostile = "first\nsecond \x1b[31m\u202e" + "x" * 1900
    subject = against(replies({"reply": [Failure(hostile, "passed")]}))
    error = fails(lambda: subject.call("f"))
    assert error.fault == "error"
    assert str(error).isprintable()
    assert str(error).startswith("first second ")
    assert len(str(error)) == MAX_MESSAGE


CALLBACKS = [
    {"callback": 7, "args": [], "kwargs": {}},
    {"callback": -1, "args": [], "kwargs": {}},
    {"callback": True, "args": [], "kwargs": {}},
    {"callback": "0", "args": [], "kwargs": {}},
    {"callback": np.int64(0), "args": [], "kwargs": {}},
    {"callback": 0, "args": (), "kwargs": {}},
    {"callback": 0, "args": [], "kwargs": []},
    {"callback": 0},
]


@pytest.mark.parametrize("call", CALLBACKS)
def test_callbacks_of_an_unknown_form_end_the_conversation_for_good(
    against: Make, call: Any
) -> None:
    called = []
    subject = against(replies(call))
    error = fails(lambda: subject.call("f", Callback(lambda: called.append(1))))
    assert "a callback of an unknown form" in str(error)
    assert str(fails(lambda: subject.value("x"))) == str(error)
    assert called == []


def test_endless_callbacks_end(against: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote, "MAX_CALLBACKS", 50)

    def peer(channel: Channel) -> None:
        while True:
            channel.receive()
            channel.send(*encode({"callback": 0, "args": [], "kwargs": {}}))

    called: list[int] = []
    subject = against(peer)
    error = fails(lambda: subject.call("f", Callback(lambda: called.append(1))))
    assert "too often" in str(error)
    assert len(called) == 50


def test_callbacks_after_the_deadline_end_with_the_grace(against: Make) -> None:
    def peer(channel: Channel) -> None:
        channel.receive()
        while True:
            channel.send(*encode({"callback": 0, "args": [], "kwargs": {}}))
            channel.receive()

    subject = against(peer, 0.2)
    began = time.monotonic()
    error = fails(lambda: subject.call("f", Callback(lambda: None)))
    assert error.fault == "timeout"
    assert "none after an interrupt" in str(error)
    assert time.monotonic() - began < 2


GARBAGE = {
    "no frame": [b"HTTP/1.1 200 OK\r\n\r\n"],
    "too large": [struct.pack("<4sII", MAGIC, 0xFFFFFFFF, 0)],
    "no json": [struct.pack("<4sII", MAGIC, 1, 0), b"{"],
    "a list": [struct.pack("<4sII", MAGIC, 2, 0), b"[]"],
    "bad arrays": [struct.pack("<4sII", MAGIC, 2, 4), b"[]", b"xxxx"],
}


@pytest.mark.parametrize("raw", GARBAGE.values(), ids=GARBAGE.keys())
def test_what_is_no_answer_ends_the_conversation_for_good(against: Make, raw: list[bytes]) -> None:
    subject = against(frames(*raw))
    error = fails(lambda: subject.call("f"))
    assert "the kernel sent what is no answer" in str(error)
    assert error.fault == "error"
    assert str(fails(lambda: subject.definition("f"))) == str(error)


def test_a_kernel_that_dies_is_told(against: Make) -> None:
    subject = against(lambda channel: channel.close())
    assert "the kernel died while it answered" in str(fails(lambda: subject.call("f")))


def test_silence_is_a_timeout_and_interrupted(against: Make) -> None:
    interrupted = threading.Event()

    def peer(channel: Channel) -> None:
        channel.receive()
        interrupted.wait(5)
        channel.send(*encode({"reply": [Failure("f was stopped", "timeout")]}))
        replies({"reply": 3})(channel)

    subject = against(peer, 0.2, interrupted.set)
    error = fails(lambda: subject.call("f"))
    assert error.fault == "timeout"
    assert str(error) == "no answer within 0 s"
    assert subject.value("x") == 3


def test_an_answer_just_before_the_interrupt_leaves_the_next_request_alone(against: Make) -> None:
    interrupted = threading.Event()

    def peer(channel: Channel) -> None:
        channel.receive()
        interrupted.wait(5)
        channel.send(*encode({"reply": [1]}))
        replies({"reply": 3})(channel)

    subject = against(peer, 0.2, interrupted.set)
    began = time.monotonic()
    assert fails(lambda: subject.call("f")).fault == "timeout"
    assert time.monotonic() - began > 0.2 + remote.SETTLE_SECONDS
    assert subject.value("x") == 3


def test_silence_after_the_interrupt_ends_the_conversation_for_good(against: Make) -> None:
    done = threading.Event()
    subject = against(lambda channel: done.wait(5) and None, 0.2)
    error = fails(lambda: subject.call("f"))
    assert "none after an interrupt" in str(error)
    began = time.monotonic()
    (again,) = subject._request(Request("f", (Call(),)))
    assert again.fault == "timeout"
    assert time.monotonic() - began < 0.1
    done.set()


def test_a_rebuild_that_fails_says_so(against: Make) -> None:
    assert str(fails(against(lambda channel: None).rebuilt)) == "cannot"
