from __future__ import annotations

import socket
import struct
import threading
import time
import tracemalloc
from collections.abc import Iterator

import pytest

from grader.wire import channel as module
from grader.wire.channel import (
    MAGIC,
    MAX_HEADER,
    MAX_PAYLOAD,
    Channel,
    ChannelClosedError,
    ChannelTimeoutError,
)
from grader.wire.codec import WireError


@pytest.fixture
def ends() -> Iterator[tuple[Channel, socket.socket]]:
    """A channel and the bare socket at its other end."""
    ours, theirs = socket.socketpair()
    channel = Channel(ours)
    with theirs:
        yield channel, theirs
    channel.close()


def soon(seconds: float = 5.0) -> float:
    return time.monotonic() + seconds


def frame(header: int, payload: int, magic: bytes = MAGIC) -> bytes:
    return struct.pack("<4sII", magic, header, payload)


def test_frames_come_back_in_order() -> None:
    ours, theirs = (Channel(stream) for stream in socket.socketpair())
    ours.send(b"one", b"")
    ours.send(b"", b"two")
    assert theirs.receive(soon()) == (b"one", b"")
    assert theirs.receive(soon()) == (b"", b"two")
    ours.close()
    theirs.close()


def test_a_frame_larger_than_the_buffers_of_the_socket_comes_whole() -> None:
    ours, theirs = (Channel(stream) for stream in socket.socketpair())
    payload = bytes(range(256)) * (1 << 14)
    sender = threading.Thread(target=ours.send, args=(b"h", payload))
    sender.start()
    assert theirs.receive(soon()) == (b"h", payload)
    sender.join()
    ours.close()
    theirs.close()


def test_the_channel_can_be_waited_for(ends: tuple[Channel, socket.socket]) -> None:
    assert ends[0].fileno() > 0


@pytest.mark.parametrize(
    "prefix",
    [
        frame(0, 0, b"GRD2"),
        b"HTTP/1.1 200 OK\r\n",
        b"\x80\x04" + bytes(20),
        frame(MAX_HEADER + 1, 0),
        frame(0, MAX_PAYLOAD + 1),
        frame(0xFFFFFFFF, 0xFFFFFFFF),
    ],
)
def test_what_does_not_begin_like_a_frame_is_refused(
    ends: tuple[Channel, socket.socket], prefix: bytes
) -> None:
    ends[1].sendall(prefix)
    with pytest.raises(WireError, match="frame"):
        ends[0].receive(soon())


def test_an_announced_size_alone_allocates_nothing(ends: tuple[Channel, socket.socket]) -> None:
    ends[1].sendall(frame(MAX_HEADER, MAX_PAYLOAD))
    tracemalloc.start()
    with pytest.raises(ChannelTimeoutError):
        ends[0].receive(soon(0.1))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 4 << 20


def test_dripping_bytes_do_not_move_the_deadline(ends: tuple[Channel, socket.socket]) -> None:
    stop = threading.Event()

    def drip() -> None:
        ends[1].sendall(frame(1000, 0))
        while not stop.wait(0.02):
            ends[1].sendall(b"x")

    dripping = threading.Thread(target=drip)
    dripping.start()
    began = time.monotonic()
    with pytest.raises(ChannelTimeoutError):
        ends[0].receive(soon(0.3))
    assert time.monotonic() - began < 2
    stop.set()
    dripping.join()


def test_a_deadline_that_has_passed_is_noticed_before_anything_is_read(
    ends: tuple[Channel, socket.socket],
) -> None:
    with pytest.raises(ChannelTimeoutError):
        ends[0].receive(time.monotonic() - 1)


def test_a_peer_that_never_reads_costs_the_deadline_and_no_more(
    ends: tuple[Channel, socket.socket],
) -> None:
    with pytest.raises(ChannelTimeoutError):
        ends[0].send(b"", bytes(8 << 20), soon(0.2))


@pytest.mark.parametrize("sent", [b"", b"GR", frame(10, 0) + b"half"])
def test_hanging_up_is_told_from_silence(ends: tuple[Channel, socket.socket], sent: bytes) -> None:
    ends[1].sendall(sent)
    ends[1].close()
    with pytest.raises(ChannelClosedError):
        ends[0].receive(soon())


def test_sending_to_nobody_is_told(ends: tuple[Channel, socket.socket]) -> None:
    ends[1].close()
    with pytest.raises(ChannelClosedError):
        ends[0].send(b"", bytes(1 << 20), soon())


def test_receiving_on_a_closed_channel_is_told(ends: tuple[Channel, socket.socket]) -> None:
    ends[0].close()
    with pytest.raises(ChannelClosedError):
        ends[0].receive()


def test_what_is_larger_than_the_limits_is_not_sent(
    ends: tuple[Channel, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_PAYLOAD", 10)
    with pytest.raises(WireError, match="11 bytes is too large"):
        ends[0].send(b"", bytes(11))
