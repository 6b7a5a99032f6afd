"""The trusted side of a zygote: finding it by name, starting it, holding on to it.

Its sockets have abstract names: they leave no file behind, and a sandbox, which has a network
namespace of its own, cannot reach them. Each end looks at whose process the other one is.
"""

from __future__ import annotations

import fcntl
import hashlib
import io
import json
import os
import select
import socket
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import IO, Any, Literal

from grader.errors import InfrastructureError
from grader.sandbox.bubblewrap import FIRST_UID, nesting_command
from grader.sandbox.spec import INTERPRETER, LIBRARY, Sandbox

Purpose = Literal["hold", "start"]
# Beyond the users of slots: those of first sandboxes, and of second ones a thousand each further.
ZYGOTE_UID = FIRST_UID + 5000
_START_SECONDS = 330.0
_END_SECONDS = 5.0
_ATTEMPTS = 20
_PAUSE_SECONDS = 0.1
_BACKLOG = 128
_RUN = (
    f"import sys; sys.path.insert(0, {LIBRARY!r}); "
    "from grader.kernel.inside.zygote import main; main()"
)


class Share:
    """A share in a running zygote, which lasts as long as somebody holds one.

    Args:
        connection: to it; closing it gives the share up.
        process: of the zygote, for whoever has started it.
        log: what the zygote says, likewise.
    """

    def __init__(
        self,
        connection: socket.socket,
        process: subprocess.Popen[bytes] | None = None,
        log: IO[bytes] | None = None,
    ) -> None:
        self._connection = connection
        self._process = process
        self._log = log or io.BytesIO()
        self._greeted = False

    def is_ready(self) -> bool:
        """Whether the zygote has come up, waiting for it if need be."""
        self._connection.settimeout(_START_SECONDS)
        try:
            self._greeted = self._greeted or bool(self._connection.recv(16))
        except OSError:
            return False
        return self._greeted

    def is_good(self) -> bool:
        """Whether it still runs: after its first word a zygote has nothing to say but goodbye."""
        waiting = select.poll()
        waiting.register(self._connection, select.POLLIN)
        return self.is_ready() and not waiting.poll(0)

    def tail(self) -> str:
        """The last line of what it said, as far as that can be known here."""
        self._log.seek(0)
        lines = self._log.read().decode("utf-8", "replace").strip().splitlines()
        return lines[-1] if lines else "it did not say why"

    def release(self) -> None:
        """Gives the share up; the zygote ends with the last one."""
        self._connection.close()
        if self._process is not None:
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(_END_SECONDS)
        self._log.close()


def hold(sandbox: Sandbox, *, wait: bool) -> Share:
    """A share in the zygote of such sandboxes, which is started unless it runs.

    Args:
        sandbox: one of those that it serves.
        wait: until it has come up.

    Raises:
        InfrastructureError: it does not start.
    """
    said = "its name is taken"
    for _ in range(_ATTEMPTS):
        with _alone(sandbox):
            share = _joined(sandbox) or _started(sandbox)
        if share is not None and (not wait or share.is_ready()):
            return share
        if share is not None:
            said = share.tail()
            share.release()
        # One that is ending can still be found, and its name is not free yet.
        time.sleep(_PAUSE_SECONDS)
    raise InfrastructureError(f"what sandboxes are forked from does not start: {said}")


def connect(sandbox: Sandbox, purpose: Purpose) -> socket.socket | None:
    """A connection to the zygote of such sandboxes; None when there is none."""
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with suppress(OSError):
        connection.connect(_name(sandbox, purpose))
        peer = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
        if struct.unpack("3i", peer)[1] == os.geteuid():
            return connection
    connection.close()
    return None


def _joined(sandbox: Sandbox) -> Share | None:
    connection = connect(sandbox, "hold")
    return None if connection is None else Share(connection)


def _started(sandbox: Sandbox) -> Share | None:
    listeners: list[socket.socket] = []
    try:
        purposes: tuple[Purpose, ...] = ("hold", "start")
        listeners.extend(_listen(_name(sandbox, purpose)) for purpose in purposes)
        # Held before it runs, so that it is never without a holder and cannot be left behind.
        connection = connect(sandbox, "hold")
        if connection is None:
            return None
        log = tempfile.TemporaryFile()  # noqa: SIM115  closed with the share
        return Share(connection, _launch(sandbox, listeners, log), log)
    except OSError:
        return None  # the names are taken
    finally:
        for listener in listeners:
            listener.close()


def _launch(
    sandbox: Sandbox, listeners: list[socket.socket], log: IO[bytes]
) -> subprocess.Popen[bytes]:
    numbers = [listener.fileno() for listener in listeners]
    is_root = os.geteuid() == 0
    settings: dict[str, Any] = {
        "listener_fds": numbers,
        "user_id": ZYGOTE_UID if is_root else None,
        # How the outer sandbox shows this process's user: its own only one, unless that is root.
        "caller": 0 if is_root else 1000,
        "filter": _filter().hex(),
    }
    return subprocess.Popen(
        [
            *nesting_command(replace(sandbox, submission=None)),
            *("--", INTERPRETER, "-I", "-c", _RUN, json.dumps(settings)),
        ],
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        pass_fds=numbers,
        env={},
        cwd="/",
        start_new_session=True,
    )


def _filter() -> bytes:
    from grader.sandbox import seccomp  # its library exists on Linux only

    with tempfile.TemporaryFile() as program:
        seccomp.write_filter(program)
        program.seek(0)
        return program.read()


def _listen(name: str) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    try:
        listener.bind(name)
        listener.listen(_BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener


def _name(sandbox: Sandbox, purpose: Purpose) -> str:
    """Tells apart all that a zygote cannot change for a sandbox: what it sees and has imported."""
    parts = (os.geteuid(), sandbox.library.absolute(), sandbox.data, sandbox.threads, sys.prefix)
    digest = hashlib.sha256(repr(parts).encode("utf-8", "surrogateescape")).hexdigest()
    return f"\0grader-{purpose}-{digest[:32]}"


@contextmanager
def _alone(sandbox: Sandbox) -> Iterator[None]:
    """One process at a time looks for the zygote of this library and starts it."""
    folder = os.open(sandbox.library, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)
