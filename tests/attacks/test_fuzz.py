"""Mutated frames and notebooks: whatever arrives, the answer is a value or one kind of error.

What runs every time is drawn by Hypothesis, which shrinks what it finds. The long runs draw such
edits from numbered generators, many times faster; a failure names the number that repeats it.
"""

from __future__ import annotations

import json
import random
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from nbformat import NotebookNode

from grader.errors import SubjectError, SubmissionError
from grader.kernel.remote import RemoteSubject
from grader.submission import read_notebook
from grader.wire.channel import Channel
from grader.wire.codec import WireError, decode, encode
from grader.wire.messages import Failure, Handle
from tests.attacks.program import right

Edit = tuple[str, float, bytes]
KINDS = ("replace", "insert", "delete", "repeat")
PIECES = (b"[", b"{", b'"', b"\\u", b"1e999")
LONGEST, MOST = 8, 6
# Positions as fractions, so that one strategy mutates texts of every length.
EDITS = st.lists(
    st.tuples(
        st.sampled_from(KINDS),
        st.floats(0, 1, exclude_max=True),
        st.binary(min_size=1, max_size=LONGEST) | st.sampled_from(PIECES),
    ),
    min_size=1,
    max_size=MOST,
)
MESSAGE = {
    "reply": [
        1,
        -2.5,
        "text",
        None,
        True,
        float("nan"),
        (1, [2]),
        {"key": np.arange(6, dtype=np.float32).reshape(2, 3)},
        np.zeros((0, 3)),
        Handle(3, "Encoder"),
        Failure("no", "error"),
    ]
}
HEADER, PAYLOAD = encode(MESSAGE)
NOTEBOOK = right("numbers").strip().encode()
FIXED = {"suppress_health_check": list(HealthCheck), "database": None}


def numbered(count: int, attack: Callable[[random.Random], None]) -> None:
    """The attack with one generator after another."""
    for number in range(count):
        try:
            attack(random.Random(number))
        except BaseException as error:
            raise AssertionError(f"repeat it with random.Random({number})") from error


def drawn(chance: random.Random) -> list[Edit]:
    """Edits as the strategy has them."""
    return [
        (
            chance.choice(KINDS),
            chance.random(),
            chance.choice((*PIECES, *[chance.randbytes(chance.randint(1, LONGEST))] * 5)),
        )
        for _ in range(chance.randint(1, MOST))
    ]


def mutated(content: bytes, edits: list[Edit]) -> bytes:
    for kind, where, piece in edits:
        at = int(where * len(content))
        if kind == "replace":
            content = content[:at] + piece + content[at + len(piece) :]
        elif kind == "insert":
            content = content[:at] + piece + content[at:]
        elif kind == "delete":
            content = content[:at] + content[at + 8 * len(piece) :]
        else:
            content = content[:at] + content[at : at + 64] * len(piece) + content[at:]
    return content


def decoded_or_refused(header: bytes, payload: bytes) -> None:
    try:
        value = decode(header, payload)
    except WireError:
        return
    assert only_plain(value)
    # What was understood can be said again.
    assert encode(value)


def only_plain(value: Any) -> bool:
    if type(value) in (list, tuple):
        return all(map(only_plain, value))
    if type(value) is dict:
        return all(type(key) is str and only_plain(item) for key, item in value.items())
    plain = (type(None), bool, int, float, str, np.ndarray, Handle, Failure)
    return type(value) in plain


def read_or_refused(path: Path) -> tuple[NotebookNode, str]:
    try:
        return read_notebook(path), ""
    except SubmissionError as error:
        return NotebookNode(cells=[]), str(error)


def notebook_is_read_or_refused(path: Path, edits: list[Edit]) -> None:
    path.write_bytes(mutated(NOTEBOOK, edits))
    notebook, refusal = read_or_refused(path)
    assert "\n" not in refusal
    assert json.dumps(notebook).encode()
    assert len({cell.id for cell in notebook.cells}) == len(notebook.cells)


@settings(max_examples=200, **FIXED)
@given(EDITS, EDITS | st.just([]))
def test_a_mutated_frame_is_plain_data_or_refused(header: list[Any], payload: list[Any]) -> None:
    decoded_or_refused(mutated(HEADER, header), mutated(PAYLOAD, payload))


@pytest.mark.slow
def test_a_hundred_thousand_mutated_frames_are_plain_data_or_refused() -> None:
    def attack(chance: random.Random) -> None:
        header = mutated(HEADER, drawn(chance))
        decoded_or_refused(header, mutated(PAYLOAD, drawn(chance) * chance.randint(0, 1)))

    numbered(100_000, attack)


@settings(max_examples=100, **FIXED)
@given(EDITS)
def test_a_mutated_notebook_is_read_or_refused_in_one_sentence(
    tmp_path: Path, edits: list[Any]
) -> None:
    notebook_is_read_or_refused(tmp_path / "work.ipynb", edits)


@pytest.mark.slow
def test_ten_thousand_mutated_notebooks_are_read_or_refused(tmp_path: Path) -> None:
    path = tmp_path / "work.ipynb"
    numbered(10_000, lambda chance: notebook_is_read_or_refused(path, drawn(chance)))


def refused(ask: Callable[[str], Any]) -> str:
    try:
        ask("x")
    except SubjectError as error:
        return str(error)
    return ""


def conversation(edits: list[Edit]) -> None:
    """Bytes of a whole conversation, with prefixes: a subject raises one kind of error."""
    whole = b"GRD1" + len(HEADER).to_bytes(4, "little") + len(PAYLOAD).to_bytes(4, "little")
    ours, theirs = socket.socketpair()
    channel = Channel(ours)
    with theirs:
        theirs.sendall(mutated(whole + HEADER + PAYLOAD, edits))
        theirs.shutdown(socket.SHUT_WR)
        subject = RemoteSubject(channel, 5.0, lambda: None, lambda: pytest.fail("asked for"))
        for ask in (subject.value, subject.definition, subject.handle):
            refusal = refused(ask)
            assert len(refusal) < 2_500
    subject.close()


@settings(max_examples=100, **FIXED)
@given(EDITS)
def test_a_subject_whose_other_end_sends_anything_raises_the_students_error(
    edits: list[Any],
) -> None:
    conversation(edits)


@pytest.mark.slow
def test_a_subject_survives_ten_thousand_conversations() -> None:
    numbered(10_000, lambda chance: conversation(drawn(chance)))
