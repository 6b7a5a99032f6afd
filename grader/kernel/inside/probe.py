"""Things that a notebook must not be able to do, tried one by one in a sandbox."""

from __future__ import annotations

import ctypes
import os
import socket
from collections.abc import Callable
from pathlib import Path

from grader.wire.channel import Channel
from grader.wire.codec import encode

_CLONE_NEWUSER = 0x10000000
_PTRACE_TRACEME = 0


def run_probe(stream: socket.socket, secret: str) -> None:
    """Tries everything and tells what was denied."""
    attempts: dict[str, Callable[[], object]] = {
        "read a file of the host": lambda: Path(secret).read_text("utf-8"),
        "read the password file": lambda: Path("/etc/shadow").read_text("utf-8"),
        "write to the system": lambda: Path("/usr/grader-was-here").touch(),
        "write beside the interpreter": lambda: (Path(os.__file__).parent / "x.py").touch(),
        "reach the network": _connect,
        "see processes of the host": _see_processes,
        "import the references": _import_references,
        "make a user namespace": lambda: _call("unshare", _CLONE_NEWUSER),
        "trace a process": lambda: _call("ptrace", _PTRACE_TRACEME, 0, 0, 0),
        "make memory that belongs to nobody": lambda: os.memfd_create("x"),
        "stay root": _be_root,
    }
    denied = {what: _is_denied(attempt) for what, attempt in attempts.items()}
    Channel(stream).send(*encode(denied))


def _is_denied(attempt: Callable[[], object]) -> bool:
    try:
        attempt()
    except (OSError, ImportError):
        return True
    return False


def _connect() -> None:
    # No packet leaves a sandbox, and one that isolates nothing gets no farther than this machine.
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("192.0.2.1", 9))  # TEST-NET-1: routed nowhere, connecting sends nothing


def _see_processes() -> None:
    # A process namespace of its own holds init, this process, and little else.
    if sum(name.isdigit() for name in os.listdir("/proc")) < 8:  # noqa: PTH208  /proc is special
        raise PermissionError("only its own processes are there")


def _import_references() -> None:
    __import__("reference.vae")


def _call(name: str, *arguments: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if getattr(libc, name)(*arguments) == -1:
        raise OSError(ctypes.get_errno(), name)


def _be_root() -> None:
    if os.geteuid() != 0:
        raise PermissionError("an ordinary user")
