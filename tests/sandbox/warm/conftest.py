"""Programs of a test in forks of a zygote."""

from __future__ import annotations

import json
import socket
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from grader.assignment import Limits
from grader.kernel.library import stage_library
from grader.sandbox import Sandbox
from grader.sandbox.warm import Warm

# Stands in the place of the probe: becomes any program, on the other end of a socket.
PROBE = """
import ctypes, errno, json, os, signal, socket, subprocess, sys, time
from pathlib import Path

def tried(action):
    try:
        return str(action())
    except OSError as error:
        return errno.errorcode.get(error.errno, str(error.errno))

libc = ctypes.CDLL(None, use_errno=True)

def call(name, *arguments):
    if getattr(libc, name)(*arguments) < 0:
        raise OSError(ctypes.get_errno(), name)
    return "allowed"

def status(key):
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(line.split(":", 1)[1].strip() for line in lines if line.startswith(key + ":"))

def run_probe(stream, program):
    names = dict(globals(), stream=stream)
    exec(program, names)
    if "answer" in names:
        stream.sendall(json.dumps(names["answer"]).encode())
"""


class Inside:
    """A program in a sandbox of its own."""

    def __init__(self, tier: Warm, sandbox: Sandbox, program: str) -> None:
        with ExitStack() as unless_started, tempfile.TemporaryFile() as log:
            self._ours, theirs = socket.socketpair()
            unless_started.callback(self._ours.close)
            with theirs:
                fd = theirs.fileno()
                settings = {"mode": "probe", "channel_fd": fd, "secret": program}
                self.process = tier.start(sandbox, settings, [fd], log.fileno())
            unless_started.pop_all()
        self._ours.settimeout(20)

    def answer(self) -> Any:
        """What it has left behind in `answer`, or None when it ended before."""
        said = b""
        while part := self._ours.recv(1 << 16):
            said += part
        return json.loads(said) if said else None

    def await_word(self) -> None:
        """Returns when the program has sent anything."""
        assert self._ours.recv(16)

    def __enter__(self) -> Inside:
        return self

    def __exit__(self, *_: object) -> None:
        self._ours.close()
        self.process.kill()
        self.process.wait(10)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = [item for item in items if Path(__file__).parent in item.path.parents]
    problem = Warm().problem() if here else None
    for item in here:
        item.add_marker(pytest.mark.sandbox)
        if problem is not None:
            item.add_marker(pytest.mark.skip(reason=problem))


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = stage_library(tmp_path_factory.mktemp("warm") / "library")
    (folder / "grader/kernel/inside/probe.py").write_text(PROBE, "utf-8")
    return folder


@pytest.fixture(scope="session")
def tier() -> Iterator[Warm]:
    made = Warm()
    yield made
    made.release()


@pytest.fixture(scope="session")
def sandbox(tier: Warm, library: Path) -> Sandbox:
    limits = Limits(disk="1 MiB", processes=40, memory="1 GiB")
    return Sandbox(library=library, limits=limits, threads=2)


@pytest.fixture
def start(tier: Warm, sandbox: Sandbox) -> Callable[..., Inside]:
    """Starts a program: a context that ends its sandbox."""

    def started(program: str, by: Warm = tier, **changes: Any) -> Inside:
        changed = replace(sandbox, **changes)
        by.prepare(changed)
        return Inside(by, changed, program)

    return started


@pytest.fixture
def inside(start: Callable[..., Inside]) -> Callable[..., Any]:
    """Runs a program to its answer."""

    def run(program: str, **changes: Any) -> Any:
        with start(program, **changes) as running:
            return running.answer()

    return run
