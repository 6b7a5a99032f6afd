"""A run that was stopped or killed, and the next one that goes on with it."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil

from tests.batches import Run
from tests.conftest import RIGHT
from tests.processes import running

# A shell without job control starts background jobs with SIGINT ignored.
COMMAND = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
COMMAND += "from grader.cli import app; app()"


@contextlib.contextmanager
def started(arguments: list[str]) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", COMMAND, *arguments]
    with running(command, start_new_session=True) as process:
        yield process


def until(condition: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.05)


def family(process: subprocess.Popen[str]) -> list[psutil.Process]:
    return psutil.Process(process.pid).children(recursive=True)


def gone(processes: list[psutil.Process]) -> bool:
    def ended(process: psutil.Process) -> bool:
        try:
            return process.status() == psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return True

    return all(map(ended, processes))


def waiting(begun: Path, go_on: Path) -> str:
    """A cell that tells that it has begun, and ends once it may."""
    return f"""
import time
from pathlib import Path
Path({str(begun)!r}).touch()
while not Path({str(go_on)!r}).exists():
    time.sleep(0.05)
"""


def stop(arguments: list[str], begun: Path) -> None:
    """Presses Ctrl-C, which reaches the whole process group, once the first of two is graded."""
    with started(arguments) as process:
        assert process.stdout is not None
        seen = "".join(process.stdout.readline() for _ in range(3))
        assert "[1/2] ann  3 / 3  graded" in seen
        until(begun.exists)
        left = family(process)
        os.killpg(process.pid, signal.SIGINT)
        rest, _ = process.communicate(timeout=30)
    assert process.returncode == 130, rest
    assert "stopped; 1 results are kept; the same command goes on" in rest
    assert "Traceback" not in rest
    until(lambda: gone(left), 10)


def kill(arguments: list[str], begun: Path) -> None:
    with started(arguments) as process:
        until(begun.exists)
        left = family(process)
        process.kill()
        process.communicate(timeout=30)
    until(lambda: gone(left), 10)


def test_a_run_that_is_stopped_or_killed_goes_on_where_it_was(
    hand_in: Callable[..., Path], sums: Path, run: Run, tmp_path: Path
) -> None:
    go_on, begun, out = tmp_path / "go on", tmp_path / "begun", tmp_path / "out"
    hand_in("ann")
    folder = hand_in("eve", waiting(begun, go_on) + RIGHT)
    arguments = ["run", str(folder), "--assignment", str(sums), "--out", str(out)]
    arguments += ["--isolation", "none", "--jobs", "2"]
    executed = out / "notebooks" / "ann.ipynb"

    stop(arguments, begun)
    ran_at = executed.stat().st_mtime_ns

    begun.unlink()
    kill(arguments, begun)

    go_on.touch()
    outcome, display = run(folder, assignment=str(sums))
    assert display.ran == ["eve"]
    assert [(r.student_id, r.score) for r in outcome.results] == [("ann", 3), ("eve", 3)]
    assert executed.stat().st_mtime_ns == ran_at
