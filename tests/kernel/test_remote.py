"""The trusted end of the channel against the real serve loop."""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from contextlib import ExitStack
from typing import Any

import numpy as np
import pytest
import torch

from grader.checks.subject import Callback, Definition
from grader.errors import AssignmentError, SubjectError
from grader.kernel.inside.serve import serve
from grader.kernel.local import LocalSubject
from grader.kernel.remote import RemoteSubject
from grader.wire.channel import Channel
from grader.wire.codec import decode, encode
from tests.kernel.asking import Make, fails


@pytest.fixture
def served(ends: ExitStack) -> Make:
    """A subject whose namespace is served by a thread."""

    def make(**namespace: Any) -> RemoteSubject:
        ours, theirs = socket.socketpair()
        serving = threading.Thread(target=serve, args=(namespace, Channel(theirs)))
        serving.start()
        subject = RemoteSubject(Channel(ours), 5, lambda: None, lambda: LocalSubject(namespace))
        ends.callback(serving.join, 5)
        ends.callback(subject.close)
        return subject

    return make


class Model(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.net = torch.nn.Linear(2, 1)

    def forward(self, x: Any) -> Any:
        return self.net(x)


def test_everything_that_can_be_asked_is_answered(served: Make) -> None:
    subject = served(Model=Model, f=lambda x: x**2, number=3, bad=torch.zeros(1).to_sparse())
    assert subject.definition("f") == Definition("function", ("x",))
    assert subject.definition("absent") == Definition("missing")
    assert subject.value("number") == 3
    answer, (gradient,) = subject.gradient("f", np.float64(3), wrt=[0])
    assert (answer, gradient) == (9, 6)
    one, two = subject.new("Model", seed=1), subject.new("Model", seed=2)
    subject.load_state(one, subject.state(two))
    x = np.ones((1, 2), np.float32)
    assert subject.call(one, x) == subject.call(two, x, method="forward")
    assert subject.handle("number").type_name == "int"
    for ask in (subject.value, subject.handle):
        assert fails(lambda ask=ask: ask("absent")).fault == "missing"
    assert "TypeError" in str(fails(lambda: subject.value("bad")))
    assert isinstance(subject.rebuilt(), LocalSubject)


def test_an_answer_that_cannot_cross_costs_its_own_call_only(served: Make) -> None:
    subject = served(f=lambda x: {"huge": 2**70, "half": "\ud800", "fine": 1}[x])
    huge, half, fine = subject.map("f", [["huge"], ["half"], ["fine"]])
    assert isinstance(huge, SubjectError)
    assert isinstance(half, SubjectError)
    assert fine == 1


def test_a_reply_that_cannot_cross_is_refused_with_the_reason(served: Make) -> None:
    deep: Any = 1
    for _ in range(40):
        deep = [deep]
    subject = served(f=lambda: deep)
    assert "the answer was refused" in str(fails(lambda: subject.call("f")))
    assert subject.definition("f").kind == "function"


def test_callbacks_run_here_and_their_errors_are_the_students(served: Make) -> None:
    def f(decoder: Any, z: Any) -> Any:
        return decoder(z, scale=2) + 1

    subject = served(f=f)
    given = np.arange(2.0)
    ours = Callback(lambda z, scale: z * scale)
    assert subject.call("f", ours, given).tolist() == [1, 3]
    error = fails(lambda: subject.call("f", Callback(lambda z, scale: z.reshape(9)), given))
    local = fails(
        lambda: LocalSubject({"f": f}).call("f", Callback(lambda z, scale: z.reshape(9)), given)
    )
    assert str(error) == str(local)
    assert "the function that was passed in cannot take this" in str(error)


def test_a_callback_may_be_kept_and_called_by_a_later_request(served: Make) -> None:
    subject = served(Model=Model, f=lambda decoder: decoder(1))
    model = subject.new("Model")
    seen: list[Any] = []

    def ours(_module: Any, args: Any, _output: Any) -> Any:
        seen.append(args[0])
        return np.full(1, 7.0, np.float32)

    subject.call(model, Callback(ours), method="net.register_forward_hook")
    assert subject.call("f", Callback(lambda _: 5)) == 5
    assert subject.call(model, np.ones(2, np.float32)).tolist() == [7]
    assert seen[0].tolist() == [1, 1]


def test_calling_our_function_with_what_cannot_cross_leaves_both_ends_in_step(
    served: Make,
) -> None:
    deep: Any = 1
    for _ in range(40):
        deep = [deep]
    subject = served(f=lambda decoder: decoder(deep), number=3)
    error = fails(lambda: subject.call("f", Callback(lambda x: x)))
    assert "f raised TypeError: the function cannot be called with this" in str(error)
    assert subject.value("number") == 3


def test_what_a_check_cannot_send_is_the_authors_error(served: Make) -> None:
    subject = served(f=lambda x: x)
    with pytest.raises(AssignmentError, match="a check asks with what cannot cross"):
        subject.call("f", 1j)
    assert subject.call("f", 1) == 1


def test_the_serve_loop_survives_a_late_interrupt() -> None:
    ours, theirs = socket.socketpair()
    channel = Channel(ours)

    def ask() -> None:
        time.sleep(0.2)
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.2)
        channel.send(*encode({"op": "value", "name": "x"}))
        answers.append(decode(*channel.receive(time.monotonic() + 5)))
        channel.close()

    answers: list[Any] = []
    asking = threading.Thread(target=ask)
    asking.start()
    serve({"x": 3}, Channel(theirs))
    asking.join()
    assert answers == [{"reply": 3}]
