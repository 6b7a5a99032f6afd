"""The disposable process between the grader and one student's kernel.

It holds nbclient, which reads whatever the kernel sends, and nothing that matters: no
references, no held-out data, no scores. If it dies, one submission is an `error`.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import json
import logging
import resource
import shutil
import signal
import sys
import tempfile
import time
from multiprocessing.connection import Connection
from pathlib import Path
from typing import IO, Any

from nbclient.exceptions import DeadKernelError
from nbformat.v4 import new_notebook

from grader.errors import InfrastructureError, SubmissionError
from grader.kernel.composed import compose
from grader.kernel.execution import Execution, UnresponsiveError
from grader.kernel.job import Job
from grader.kernel.provisioner import SandboxManager, kernel_manager
from grader.kernel.watch import MemoryWatch
from grader.sandbox import TIERS, Process

# The driver's own memory: a flood that gets past every other bound ends here.
DRIVER_MEMORY_BYTES = 2 << 30
_SERVE = "import grader.kernel.inside.kernel as _grader_kernel; _grader_kernel.answer_requests()"


def drive(job: Job, folder: Path, pipe: Connection, channel: Connection) -> None:
    """Executes the job's notebook, then keeps the kernel answering until told to stop.

    Reports on the pipe as JSON; nothing is ever unpickled on either end.

    Args:
        job: what to execute, and where.
        folder: private and temporary; gone afterwards, also when the grader was killed.
        pipe: to the grader.
        channel: the kernel's end of the channel for requests; passed on, never read here.
    """
    die_with_parent()
    # The soft limit only: a sandbox started from here sets its own, which may be higher.
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (DRIVER_MEMORY_BYTES, hard))
    logging.getLogger("traitlets").setLevel(logging.CRITICAL + 1)
    try:
        with tempfile.TemporaryFile() as log:
            asyncio.run(_Driver(job, pipe, channel, folder, log).run())
    except Exception as error:  # noqa: BLE001  whatever the kernel has sent to trip this over
        # Its own text, which may be the student's, is for nobody's terminal.
        _tell(pipe, event="broken", by=type(error).__name__)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def die_with_parent() -> None:
    """Asks the kernel to kill this process when the one that started it is gone."""
    if sys.platform == "linux":
        pr_set_pdeathsig = 1
        ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)


def _tell(pipe: Connection, **event: Any) -> None:
    with contextlib.suppress(OSError):
        pipe.send_bytes(json.dumps(event).encode())


async def _cancelled(*tasks: asyncio.Task[Any]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


class _Driver:
    def __init__(
        self, job: Job, pipe: Connection, channel: Connection, folder: Path, log: IO[bytes]
    ) -> None:
        self._job = job
        self._pipe = pipe
        self._channel = channel
        self._log = log
        self._manager: SandboxManager = kernel_manager(folder)
        self._watch: MemoryWatch | None = None
        self._watching: asyncio.Task[None] | None = None

    async def run(self) -> None:
        limits = self._job.sandbox.limits
        execution = Execution(new_notebook(), limits, self._on_cell, km=self._manager)
        # The grader may stop this, or be gone, at any moment: also in the middle of a cell.
        work = asyncio.create_task(self._work(execution))
        listening = asyncio.create_task(self._obey())
        try:
            await asyncio.wait((work, listening), return_when=asyncio.FIRST_COMPLETED)
            if not listening.done() and await work:
                await listening
        finally:
            await _cancelled(work, listening)
            await self._end(execution)

    async def _work(self, execution: Execution) -> bool:
        """Whether the kernel answers from here on."""
        overridden = await self._start(execution)
        return overridden is not None and await self._execute(execution, overridden)

    async def _start(self, execution: Execution) -> dict[str, Any] | None:
        """What is overridden in the notebook; None where it cannot be executed."""
        try:
            await execution.async_start_new_kernel(start=self._launch)
            # The kernel comes up meanwhile.
            execution.nb, overridden = compose(self._job)
            await execution.async_start_new_kernel_client()
        except SubmissionError as error:
            self._say(event="unreadable", reason=str(error))
            return None
        except (InfrastructureError, RuntimeError, OSError) as error:
            self._say(event="failed", reason=f"the sandbox did not start: {error}; {self._tail()}")
            return None
        self._say(event="started")
        return overridden

    def _launch(self, connection: dict[str, Any], socket_fds: dict[str, int]) -> Process:
        sandbox = self._job.sandbox
        channel_fd = self._channel.fileno()
        settings = {
            "mode": "kernel",
            "connection": connection,
            "socket_fds": socket_fds,
            "channel_fd": channel_fd,
        }
        tier = TIERS[self._job.tier]
        process = tier.start(
            sandbox, settings, [*socket_fds.values(), channel_fd], self._log.fileno()
        )
        self._channel.close()
        self._watch = MemoryWatch(
            process.pid, sandbox.limits.memory, process.kill, keeper=tier.keeper
        )
        return process

    async def _execute(self, execution: Execution, overridden: dict[str, Any]) -> bool:
        assert self._watch is not None
        self._watching = asyncio.create_task(self._watch.run())
        began = time.monotonic()
        fault, reason, alive = await self._executed(execution)
        try:
            # nbformat's writer splits and indents lines for a diff, which takes ten times as long.
            self._job.executed.write_text(json.dumps(execution.nb), "ascii")
        except OSError as error:
            # A full disk of ours is not the student's crash.
            self._say(event="failed", reason=f"{self._job.executed} cannot be written: {error}")
            return False
        self._say(
            event="executed",
            fault=fault,
            reason=reason,
            alive=alive,
            seconds=time.monotonic() - began,
            overridden=overridden,
        )
        if alive:
            execution.kc.execute(_SERVE, silent=True, store_history=False)
            # Nobody reads outputs from here on, so nothing may collect them.
            execution.kc.iopub_channel.stop()
        return alive

    async def _executed(self, execution: Execution) -> tuple[str, str, bool]:
        assert self._watch is not None
        try:
            await execution.run()
        except DeadKernelError:
            if self._watch.exceeded:
                return "memory", self._watch.exceeded, False
            return "crashed", "the kernel died: os._exit, a crash, or a kill", False
        except UnresponsiveError as error:
            return "timeout", str(error), False
        if execution.timed_out:
            cells = ", ".join(str(index + 1) for index in execution.timed_out)
            return "timeout", f"stopped at a deadline in cell {cells}", True
        return "", "", True

    async def _obey(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            arrived = asyncio.Event()
            loop.add_reader(self._pipe.fileno(), arrived.set)
            await arrived.wait()
            loop.remove_reader(self._pipe.fileno())
            try:
                command = self._pipe.recv_bytes(64)
            except (EOFError, OSError):
                return
            if command == b"stop":
                return
            await self._manager.interrupt_kernel()

    async def _end(self, execution: Execution) -> None:
        if self._watching is not None:
            await _cancelled(self._watching)
        peak = self._watch.peak_bytes if self._watch else 0
        exceeded = bool(self._watch and self._watch.exceeded)
        if self._manager.provisioner is not None:
            await self._manager.provisioner.kill()
        self._say(event="ended", peak_bytes=peak, exceeded=exceeded)
        if execution.kc is not None:
            execution.kc.stop_channels()
        with contextlib.suppress(RuntimeError, OSError):
            await self._manager.shutdown_kernel(now=True)

    def _on_cell(self, index: int, count: int) -> None:
        self._say(event="cell", index=index, count=count)

    def _say(self, **event: Any) -> None:
        _tell(self._pipe, **event)

    def _tail(self) -> str:
        self._log.seek(0)
        lines = self._log.read(8192).decode("utf-8", "replace").strip().splitlines()
        return lines[-1] if lines else "it said nothing"
