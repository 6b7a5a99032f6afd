"""One student's kernel from the trusted side: start the driver, wait, probe, end."""

from __future__ import annotations

import contextlib
import json
import multiprocessing
import os
import shutil
import socket
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from multiprocessing import forkserver
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from grader.checks.subject import Subject
from grader.errors import InfrastructureError, SubjectError, SubmissionError
from grader.kernel.composed import compose
from grader.kernel.driver import drive
from grader.kernel.job import Executed, Job
from grader.kernel.remote import RemoteSubject
from grader.sandbox import TIERS, Process
from grader.wire.channel import Channel, ChannelClosedError, ChannelTimeoutError
from grader.wire.codec import WireError, encode

# Start-up, shutdown and one ignored interrupt on a loaded machine, beyond the notebook's time.
SLACK_SECONDS = 90.0
# Beyond any number of sandboxes that run at the same time.
SECOND_SLOTS = 1000
# User ids end at 65,534; a sandbox beyond these shares one with the first of them.
MOST_SECOND = 4
_FORKS = multiprocessing.get_context("forkserver")
# Drivers whose sandbox is killed: the system takes 50 ms to clear it away, and nobody has to wait.
_leaving: list[ForkServerProcess] = []


def preload() -> None:
    """Has drivers forked from a process that imports nbclient, from now on."""
    _FORKS.set_forkserver_preload(["grader.kernel.preloaded"])
    forkserver.ensure_running()


class Session:
    """A context in which one notebook is executed and its kernel then answers.

    Args:
        job: what to execute, and where.
        on_cell: called with index and count after every cell.

    Raises:
        InfrastructureError: what the tier's sandboxes share does not start.
    """

    def __init__(self, job: Job, on_cell: Callable[[int, int], None]) -> None:
        # Here and not in the driver, which ends with this submission.
        TIERS[job.tier].prepare(job.sandbox)
        self._job = job
        self._on_cell = on_cell
        self._channel, self._kernel_channel = _FORKS.Pipe()
        self._pipe, self._driver_pipe = _FORKS.Pipe()
        self._second: list[Process] = []
        self._subjects: list[RemoteSubject] = []
        self._folder = Path(tempfile.mkdtemp(prefix="grader-"))
        self.peak_bytes = 0

    def __enter__(self) -> Self:
        self._process = _FORKS.Process(
            target=drive, args=(self._job, self._folder, self._driver_pipe, self._kernel_channel)
        )
        self._process.start()
        self._kernel_channel.close()
        self._driver_pipe.close()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for subject in self._subjects:
            subject.close()
        self._channel.close()
        for process in self._second:
            process.kill()
            process.wait()
        self._stop_driver()
        shutil.rmtree(self._folder, ignore_errors=True)

    def execute(self) -> Executed:
        """Waits for the notebook to have run.

        Raises:
            SubmissionError: it cannot be read.
            InfrastructureError: the sandbox did not start.
        """
        deadline = time.monotonic() + self._job.sandbox.limits.total_seconds + SLACK_SECONDS
        started, by = False, ""
        while (event := self._hear(deadline)) is not None:
            kind = event.pop("event")
            if kind == "started":
                started = True
            elif kind == "cell":
                self._on_cell(event["index"], event["count"])
            elif kind == "executed":
                return Executed(**event)
            elif kind == "broken":
                by = f" ({event['by']})"
            elif kind == "unreadable":
                raise SubmissionError(event["reason"])
            elif kind == "failed":
                raise InfrastructureError(event["reason"])
        if not started:
            raise InfrastructureError(
                f"the driver ended before the sandbox had started{by}; try again"
            )
        # The driver reads what the kernel sends: if it broke, the notebook broke it.
        reason = f"the notebook broke the process that watches it{by}"
        return Executed("crashed", reason, alive=False)

    def subject(self) -> Subject:
        """The kernel after the notebook has run, as a subject."""
        return self._remote(socket.socket(fileno=os.dup(self._channel.fileno())), self._interrupt)

    def _remote(self, stream: socket.socket, interrupt: Callable[[], None]) -> RemoteSubject:
        subject = RemoteSubject(
            Channel(stream), self._job.sandbox.limits.call_seconds, interrupt, self._rebuild
        )
        self._subjects.append(subject)
        return subject

    def _rebuild(self) -> Subject:
        # Another slot, so another user: they share nothing but this process, and no GPU.
        slot = self._job.sandbox.slot + SECOND_SLOTS * (1 + len(self._second) % MOST_SECOND)
        sandbox = replace(self._job.sandbox, slot=slot, gpu=None)
        ours, theirs = socket.socketpair()
        settings = {"mode": "definitions", "channel_fd": theirs.fileno()}
        with contextlib.ExitStack() as unless_ready:
            unless_ready.callback(ours.close)
            with tempfile.TemporaryFile() as log, theirs:
                process = TIERS[self._job.tier].start(
                    sandbox, settings, [theirs.fileno()], log.fileno()
                )
            self._second.append(process)
            _await_definitions(Channel(ours), self._cells())
            unless_ready.pop_all()
        return self._remote(ours, process.kill)

    def _cells(self) -> list[str]:
        notebook, _ = compose(self._job)
        return [cell.source for cell in notebook.cells if cell.cell_type == "code"]

    def _interrupt(self) -> None:
        with contextlib.suppress(OSError):
            self._pipe.send_bytes(b"interrupt")

    def _hear(self, deadline: float) -> dict[str, Any] | None:
        try:
            if not self._pipe.poll(max(0.0, deadline - time.monotonic())):
                return None
            event = json.loads(self._pipe.recv_bytes(1 << 16))
        except (EOFError, OSError, ValueError):
            return None
        return event if isinstance(event, dict) and "event" in event else None

    def _stop_driver(self) -> None:
        with contextlib.suppress(OSError):
            self._pipe.send_bytes(b"stop")
        deadline = time.monotonic() + 10
        while (event := self._hear(deadline)) is not None:
            if event["event"] == "ended":
                self.peak_bytes = int(event["peak_bytes"])
                break
        self._pipe.close()
        see_off()
        _leaving.append(self._process)
        if event is None:
            see_off()


def see_off() -> None:
    """Returns when nothing is left of the sessions that this process has ended."""
    while _leaving:
        driver = _leaving.pop()
        driver.join(1)
        if driver.is_alive():
            driver.kill()
            driver.join()
        driver.close()


def _await_definitions(channel: Channel, cells: list[str]) -> None:
    deadline = time.monotonic() + SLACK_SECONDS
    try:
        channel.send(*encode(cells), deadline)
        channel.receive(deadline)
    except (ChannelClosedError, ChannelTimeoutError, WireError) as error:
        raise SubjectError("the definitions of the notebook could not be executed alone") from error
