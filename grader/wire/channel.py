"""Frames on a stream socket: a fixed prefix, a JSON header, a safetensors payload.

Every frame has a size limit and every receive a deadline for the whole frame, so that a reply
dripped a byte at a time costs no more than one that never comes.
"""

from __future__ import annotations

import socket
import struct
import time

from grader.wire.codec import WireError

MAGIC = b"GRD1"
MAX_HEADER = 8 << 20
MAX_PAYLOAD = 512 << 20
_PREFIX = struct.Struct("<4sII")


class ChannelClosedError(Exception):
    """The other side is gone."""


class ChannelTimeoutError(Exception):
    """No whole frame before the deadline."""


class Channel:
    """Sends and receives frames over a connected stream socket.

    Args:
        stream: a connected socket; the channel owns it from now on.
    """

    def __init__(self, stream: socket.socket) -> None:
        self._stream = stream

    def fileno(self) -> int:
        """For `select`."""
        return self._stream.fileno()

    def send(self, header: bytes, payload: bytes, deadline: float | None = None) -> None:
        """Writes one frame.

        Raises:
            WireError: it is larger than the limits.
            ChannelTimeoutError: the other side does not read.
            ChannelClosedError: the other side is gone.
        """
        if len(header) > MAX_HEADER or len(payload) > MAX_PAYLOAD:
            raise WireError(f"a message of {len(header) + len(payload)} bytes is too large")
        prefix = _PREFIX.pack(MAGIC, len(header), len(payload))
        try:
            # sendall applies the timeout to the whole of the data.
            self._stream.settimeout(_remaining(deadline))
            self._stream.sendall(prefix + header)
            self._stream.sendall(payload)
        except TimeoutError as error:
            raise ChannelTimeoutError from error
        except OSError as error:
            raise ChannelClosedError from error

    def receive(self, deadline: float | None = None) -> tuple[bytes, bytes]:
        """Reads one whole frame before `deadline` (on the monotonic clock; None waits forever).

        Raises:
            WireError: it does not begin like a frame or announces more than the limits.
            ChannelTimeoutError: the deadline has passed.
            ChannelClosedError: the other side is gone.
        """
        magic, header_bytes, payload_bytes = _PREFIX.unpack(self._exactly(_PREFIX.size, deadline))
        if magic != MAGIC or header_bytes > MAX_HEADER or payload_bytes > MAX_PAYLOAD:
            raise WireError("not a frame, or a frame that is too large")
        return self._exactly(header_bytes, deadline), self._exactly(payload_bytes, deadline)

    def close(self) -> None:
        """Ends the conversation."""
        self._stream.close()

    def _exactly(self, count: int, deadline: float | None) -> bytes:
        # Grows as bytes arrive: an announced size alone allocates nothing.
        parts = bytearray()
        while len(parts) < count:
            try:
                self._stream.settimeout(_remaining(deadline))
                part = self._stream.recv(min(count - len(parts), 1 << 20))
            except TimeoutError as error:
                raise ChannelTimeoutError from error
            except OSError as error:
                raise ChannelClosedError from error
            if not part:
                raise ChannelClosedError
            parts += part
        return bytes(parts)


def _remaining(deadline: float | None) -> float | None:
    if deadline is None:
        return None
    left = deadline - time.monotonic()
    if left <= 0:
        raise ChannelTimeoutError
    return left
