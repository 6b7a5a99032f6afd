"""A sandbox that another process has forked, known by a descriptor of its first process."""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
from contextlib import suppress
from pathlib import Path

_ENDED_UNSEEN = -signal.SIGKILL


class HeldProcess:
    """The part of `subprocess.Popen` in use, for a process that is no child of the caller.

    Its end means that the process namespace is empty: the first process in one goes last.

    Args:
        descriptor: refers to the process, whatever becomes of its number.
        connection: to it; closes with the caller, whereupon the sandbox ends.
    """

    def __init__(self, descriptor: int, connection: socket.socket) -> None:
        self._descriptor = descriptor
        self._connection = connection
        self._status: int | None = None
        self.pid = _pid_of(descriptor)

    def poll(self) -> int | None:
        """Exit status; None while it runs."""
        return self._after(0)

    def wait(self, timeout: float | None = None) -> int:
        """Exit status, as soon as nothing in the sandbox runs any more.

        Raises:
            subprocess.TimeoutExpired: it runs on.
        """
        status = self._after(timeout)
        if status is None:
            raise subprocess.TimeoutExpired("the sandbox", timeout or 0.0)
        return status

    def kill(self) -> None:
        """Ends everything in the sandbox; no error when it has ended already."""
        if self._status is None:
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._descriptor, signal.SIGKILL)

    def _after(self, seconds: float | None) -> int | None:
        if self._status is None and _is_ready(self._descriptor, seconds):
            self._status = self._last_word()
            os.close(self._descriptor)
            self._connection.close()
        return self._status

    def _last_word(self) -> int:
        try:
            told = self._connection.recv(1, socket.MSG_DONTWAIT)
        except OSError:
            return _ENDED_UNSEEN
        return told[0] if told else _ENDED_UNSEEN


def _is_ready(descriptor: int, seconds: float | None) -> bool:
    waiting = select.poll()
    waiting.register(descriptor, select.POLLIN)
    return bool(waiting.poll(None if seconds is None else seconds * 1000))


def _pid_of(descriptor: int) -> int:
    """The number of the process as the caller's own namespace has it; -1 when it has ended."""
    lines = Path(f"/proc/self/fdinfo/{descriptor}").read_text("ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pid:"))
