"""From a fork of the zygote to a sandbox: supervisor, first process, student's process."""

from __future__ import annotations

import array
import fcntl
import io
import json
import os
import select
import signal
import socket
import sys
import traceback
from contextlib import suppress
from pathlib import Path
from typing import Any

from grader.kernel.inside import boot
from grader.kernel.inside.namespaces import confine, furnish, isolate, set_dumpable

_REQUEST_SECONDS = 30.0
_REQUEST_BYTES = 1 << 17
_DESCRIPTORS = 64
# How long the processes that a student's process has left behind stay unburied.
_BURIAL_MILLISECONDS = 500


def become(connection: socket.socket, program: bytes) -> None:
    """Reads what is asked for and makes a sandbox of it; never returns.

    Args:
        connection: to the one who asks; the sandbox ends when it closes.
        program: seccomp filter, compiled.
    """
    connection.settimeout(_REQUEST_SECONDS)
    message, received, _, _ = socket.recv_fds(connection, _REQUEST_BYTES, _DESCRIPTORS)
    request = json.loads(message)
    connection.settimeout(None)
    connection = _arrange(request["targets"], received, connection)
    os.setsid()
    isolate()
    first = os.fork()
    if first == 0:
        _supervise(connection, request, program)
    sandbox = array.array("i", [os.pidfd_open(first)])
    connection.sendmsg([b"made"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, sandbox)])
    os._exit(0)


def _arrange(targets: list[int], received: list[int], connection: socket.socket) -> socket.socket:
    """Gives descriptors the numbers that they have on the other side, and closes all others."""
    received = [*received, connection.detach()]
    floor = max([*targets, *received]) + 1
    copies = [fcntl.fcntl(fd, fcntl.F_DUPFD, floor) for fd in received]
    for target, copy in zip(targets, copies, strict=False):
        os.dup2(copy, target, inheritable=target <= 2)
    os.dup2(os.open(os.devnull, os.O_RDWR), 0)
    for fd in [int(entry.name) for entry in Path("/proc/self/fd").iterdir()]:
        if fd not in {0, *targets, copies[-1]}:
            with suppress(OSError):  # the descriptor that listed them
                os.close(fd)
    return socket.socket(fileno=copies[-1])


def _supervise(connection: socket.socket, request: dict[str, Any], program: bytes) -> None:
    """As the first process of the namespaces: starts the student's, and ends with it."""
    status = 1
    try:
        # The student must not reach this process, which is of the same user.
        set_dumpable(False)
        furnish(request["places"], request["settings"]["disk"], request["kept"])
        student = os.fork()
        if student == 0:
            _live(connection, request, program)
        # Without a handler, nothing that is sent from inside reaches the first process.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.closerange(3, connection.fileno())
        confine(program)
        status = _outlive(student, connection)
        with suppress(OSError):
            connection.send(bytes([status]))
    except BaseException:  # noqa: BLE001  nothing may return into the zygote's loop
        traceback.print_exc()
    finally:
        os._exit(status)


def _outlive(student: int, connection: socket.socket) -> int:
    """Buries the sandbox's dead until the student's process is among them."""
    waiting = select.poll()
    waiting.register(connection, select.POLLIN)
    waiting.register(os.pidfd_open(student), select.POLLIN)
    while True:
        if any(fd == connection.fileno() for fd, _ in waiting.poll(_BURIAL_MILLISECONDS)):
            return 1  # nobody is left to serve
        while True:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == student:
                code = os.waitstatus_to_exitcode(status)
                return code if code >= 0 else 128 - code
            if pid == 0:
                break


def _live(connection: socket.socket, request: dict[str, Any], program: bytes) -> None:
    """Becomes the student's process."""
    status = 1
    try:
        connection.close()
        set_dumpable(True)
        os.setsid()
        confine(program)
        os.environ.clear()
        os.environ.update(request["environment"])
        work = Path(request["work"])
        work.mkdir()
        os.chdir(work)
        _renew()
        boot.start(request["settings"])
        status = 0
    except SystemExit as ending:
        status = ending.code if isinstance(ending.code, int) else 1
    except BaseException:  # noqa: BLE001  nothing may return into the zygote's loop
        traceback.print_exc()
    finally:
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError, ValueError, io.UnsupportedOperation):
                stream.flush()
        os._exit(status & 0xFF)


def _renew() -> None:
    """Undoes what a fork shares with its siblings and a fresh process would not.

    The generator of `random` renews itself at a fork; numbers of threads are the zygote's own.
    """
    numpy, torch = sys.modules.get("numpy"), sys.modules.get("torch")
    if numpy is not None:
        numpy.random.seed()
    if torch is not None:
        torch.default_generator.seed()
