from __future__ import annotations

import multiprocessing
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import psutil
import pytest

from grader.errors import AssignmentError, InfrastructureError
from grader.schedule import worker
from grader.schedule.events import Event, Failed, Finished, Landed, Ready, Unfit
from grader.settings import Settings
from grader.submission import Submission


@pytest.fixture
def _signals(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(worker, "_end_with_scheduler", lambda: None)
    before = signal.getsignal(signal.SIGINT)
    yield
    signal.signal(signal.SIGINT, before)


def heard(settings: Settings, *submissions: Submission) -> list[Event]:
    """What a worker tells, run in this process, until it has no more to do."""
    ours, theirs = multiprocessing.Pipe()
    told: list[Event] = []

    def listen(pipe: Connection) -> None:
        waiting = list(submissions)
        while True:
            told.append(pipe.recv())
            if isinstance(told[-1], Landed):
                continue
            if not waiting or isinstance(told[-1], Unfit):
                return
            pipe.send(waiting.pop(0))

    listener = threading.Thread(target=lambda: (listen(ours), ours.close()))
    listener.start()
    with theirs:
        worker.work(theirs, settings, 0)
    listener.join()
    return told


@pytest.mark.usefixtures("_signals")
def test_a_worker_is_ready_then_tells_of_each_submission(settings: Settings) -> None:
    told = heard(settings, Submission("ann", "Ann"), Submission("bob", "Bob"))
    kinds = [type(event) for event in told]
    assert kinds == [Ready, Landed, Landed, Finished, Landed, Landed, Finished]
    assert signal.getsignal(signal.SIGINT) == signal.SIG_IGN


@pytest.mark.usefixtures("_signals")
def test_a_wrong_assignment_is_unfit(settings: Settings, sums: Path) -> None:
    (sums / "checks.py").write_text("def")
    (event,) = heard(settings)
    assert isinstance(event, Unfit)
    assert "SyntaxError" in event.reason


@pytest.mark.usefixtures("_signals")
def test_whatever_loading_raises_is_unfit(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "require_ready", lambda _: 1 / 0)
    (event,) = heard(settings)
    assert isinstance(event, Unfit)
    assert "ZeroDivisionError" in event.reason


@pytest.mark.parametrize(
    ("error", "event"),
    [
        (AssignmentError("points do not add up"), Unfit("points do not add up")),
        (InfrastructureError("no sandbox"), Failed("ann", "no sandbox")),
        (ValueError("oops"), Failed("ann", "grader itself failed: ValueError: oops")),
    ],
)
def test_what_goes_wrong_is_told_by_who_has_to_act(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, error: Exception, event: Event
) -> None:
    def failing(*_: Any) -> None:
        raise error

    monkeypatch.setattr(worker, "grade", failing)
    ours, theirs = multiprocessing.Pipe()
    with ours, theirs:
        assert worker._attempt(Submission("ann", "Ann"), settings, 0, theirs) == event


def running(pid: int) -> bool:
    """Whether a process is there, and not only waits for its end to be noticed."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


PARENT = """
import multiprocessing, os, time
from grader.schedule import worker

def outlive(pipe):
    worker._end_with_scheduler()
    pipe.send(os.getpid())
    time.sleep(60)

if __name__ == "__main__":
    forks = multiprocessing.get_context("forkserver")
    ours, theirs = forks.Pipe()
    forks.Process(target=outlive, args=(theirs,)).start()
    print(ours.recv(), flush=True)
    os.kill(os.getpid(), 9)
"""


def test_a_worker_ends_when_its_scheduler_is_killed(tmp_path: Path) -> None:
    (tmp_path / "parent.py").write_text(PARENT)
    # The worker holds standard output open, so that reading it ends when the worker does.
    parent = subprocess.Popen(
        [sys.executable, str(tmp_path / "parent.py")], stdout=subprocess.PIPE, text=True
    )
    with parent:
        out, _ = parent.communicate(timeout=30)
    assert parent.returncode == -signal.SIGKILL
    assert not running(int(out))


def test_settings_cross_to_a_worker_as_they_are(settings: Settings) -> None:
    ours, theirs = multiprocessing.Pipe()
    with ours, theirs:
        ours.send(replace(settings, threads=3))
        assert theirs.recv() == replace(settings, threads=3)
