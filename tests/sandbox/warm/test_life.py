"""How sandboxes and the zygote begin and end, and that nothing of them is left."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from grader.errors import InfrastructureError
from grader.sandbox import Sandbox
from grader.sandbox.warm import Warm

SLEEP = "stream.send(b'up'); time.sleep(60)"


def ended(pids: list[int], seconds: float = 5.0) -> bool:
    """Whether all of them end in time."""
    end = time.monotonic() + seconds
    while any(psutil.pid_exists(pid) for pid in pids):
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


def family(pid: int) -> list[int]:
    return [pid, *(child.pid for child in psutil.Process(pid).children(recursive=True))]


def zygotes(library: Path) -> list[psutil.Process]:
    """Processes whose command names the library, and all below them."""
    return [
        process
        for process in psutil.process_iter(["cmdline"])
        if {str(library), "bwrap"} <= set(process.info["cmdline"] or ())
    ]


@pytest.mark.parametrize(
    ("program", "status"),
    [
        ("os._exit(3)", 3),
        ("ctypes.string_at(0)", 128 + 11),
        ("os.fork() or time.sleep(60); os.kill(-1, 9); os.kill(os.getpid(), 9)", 128 + 9),
        ("sys.exit(4)", 4),
        ("raise ValueError", 1),
    ],
)
def test_what_a_program_does_to_itself_harms_nobody_else(
    start: Callable[..., Any], program: str, status: int
) -> None:
    with start(SLEEP) as neighbour:
        neighbour.await_word()
        with start(program) as running:
            assert running.process.wait(10) == status
            assert running.process.poll() == status
            running.process.kill()
        assert neighbour.process.poll() is None


def test_the_first_process_cannot_be_ended_from_inside(inside: Callable[..., Any]) -> None:
    program = """
for number in range(1, 32):
    os.kill(1, number)
time.sleep(0.1)
answer = os.getppid()
"""
    assert inside(program) == 1


def test_a_kill_ends_everything_before_wait_returns(start: Callable[..., Any]) -> None:
    program = """
for _ in range(3):
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            time.sleep(60)
        os._exit(0)
signal.signal(signal.SIGTERM, signal.SIG_IGN)
stream.send(b"up"); time.sleep(60)
"""
    with start(program) as running:
        running.await_word()
        inside = family(running.process.pid)
        assert len(inside) >= 5
        with pytest.raises(subprocess.TimeoutExpired):
            running.process.wait(0.01)
        running.process.kill()
        assert running.process.wait(10) < 0
        assert not [pid for pid in inside if psutil.pid_exists(pid)]


def test_a_daemon_ends_with_the_program_that_left_it(start: Callable[..., Any]) -> None:
    program = """
if os.fork() == 0:
    os.setsid(); stream.send(b"up"); time.sleep(60)
time.sleep(0.3)
"""
    with start(program) as running:
        running.await_word()
        inside = family(running.process.pid)
        assert len(inside) == 3
        assert running.process.wait(10) == 0
        assert not [pid for pid in inside if psutil.pid_exists(pid)]


def test_the_dead_are_buried_while_the_program_runs(inside: Callable[..., Any]) -> None:
    program = """
for _ in range(20):
    child = os.fork()
    if child == 0:
        if os.fork() == 0:
            os._exit(0)
        os._exit(0)
    os.waitpid(child, 0)
    time.sleep(0.01)
time.sleep(0.7)
answer = [name for name in os.listdir("/proc") if name.isdigit()]
"""
    assert inside(program) == ["1", "2"]


CALLER = """
import socket, sys, tempfile, time
from pathlib import Path
from grader.assignment import Limits
from grader.sandbox import Sandbox
from grader.sandbox.warm import Warm

tier, sandbox = Warm(), Sandbox(library=Path(sys.argv[1]), limits=Limits(), threads=2)
tier.prepare(sandbox)
ours, theirs = socket.socketpair()
fd = theirs.fileno()
settings = {"mode": "probe", "channel_fd": fd, "secret": "time.sleep(60)"}
print(tier.start(sandbox, settings, [fd], 2).pid, flush=True)
time.sleep(60)
"""


def test_a_sandbox_ends_with_the_process_that_asked_for_it(
    tier: Warm, sandbox: Sandbox, library: Path
) -> None:
    tier.prepare(sandbox)
    with subprocess.Popen(
        [sys.executable, "-c", CALLER, str(library)], stdout=subprocess.PIPE
    ) as caller:
        assert caller.stdout is not None
        inside = family(int(caller.stdout.readline()))
        caller.kill()
    assert ended(inside)
    assert zygotes(library)  # it is held here too


# what becomes of the zygote itself: that of one thread is held by no other test


@pytest.fixture
def own() -> Iterator[Warm]:
    made = Warm()
    yield made
    made.release()


def outer_pids(library: Path, before: list[psutil.Process]) -> list[int]:
    return [process.pid for process in zygotes(library) if process not in before]


def test_after_a_zygotes_death_its_sandboxes_are_gone_and_the_next_start_works(
    own: Warm, sandbox: Sandbox, start: Callable[..., Any]
) -> None:
    before = zygotes(sandbox.library)
    with start(SLEEP, by=own, threads=1) as running:
        running.await_word()
        inside = family(running.process.pid)
        outer = outer_pids(sandbox.library, before)
        zygote = next(
            child
            for child in psutil.Process(outer[0]).children(recursive=True)
            if child.name().startswith("python") and child.pid not in inside
        )
        zygote.kill()
        assert running.process.wait(10) != 0
        assert ended(inside)
        with pytest.raises(InfrastructureError, match="try again"):
            own.start(replace(sandbox, threads=1), {}, [], 2)
    with start("answer = 1", by=own, threads=1) as running:
        assert running.answer() == 1


def test_the_zygote_lasts_as_long_as_anybody_holds_it_and_leaves_nothing(
    own: Warm, sandbox: Sandbox, start: Callable[..., Any]
) -> None:
    before = zygotes(sandbox.library)
    other = Warm()
    with start(SLEEP, by=own, threads=1) as running:
        running.await_word()
        other.prepare(replace(sandbox, threads=1))
        inside, outer = family(running.process.pid), outer_pids(sandbox.library, before)
        other.release()
        assert running.process.poll() is None
        own.release()
        assert running.process.wait(5) != 0
        assert ended([*inside, *outer])
    assert str(sandbox.library) not in Path("/proc/self/mounts").read_text("utf-8")


def test_a_zygote_that_cannot_start_says_why(
    own: Warm, sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("grader.sandbox.zygotes._ATTEMPTS", 2)
    with pytest.raises(InfrastructureError, match="does not start: ModuleNotFoundError"):
        own.prepare(replace(sandbox, library=tmp_path))
