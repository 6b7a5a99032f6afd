"""What a sandbox sees and may use, whatever tier builds it."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from grader.assignment import Limits

# Where things stand inside; a tier without its own root gives the host's paths instead.
HOME = "/home/student"
WORK = f"{HOME}/work"
# Writable, each of a bounded size, and gone with the sandbox.
PLACES = (HOME, "/tmp", "/dev/shm")  # noqa: S108  inside the sandbox
LIBRARY = "/run/grader"
# As it was typed, the path may lead through folders that no sandbox has.
INTERPRETER = os.path.normpath(sys.executable)
SUBMISSION = "/submission"
DATA = "/data"


@dataclass(frozen=True, slots=True)
class Sandbox:
    """One sandbox before it is started.

    Attributes:
        library: staged copy of the part of grader that runs inside.
        submission: the student's folder, copied into the work folder; None for a lone notebook.
        data: training files by their path below the data folder; nothing held out is among them.
        limits: time, memory, disk and processes.
        threads: for OpenMP and BLAS.
        gpu: index of the one GPU that it may use; None for none.
        slot: number among the sandboxes that run at the same time; gives each its own user id.
    """

    library: Path
    limits: Limits
    submission: Path | None = None
    data: tuple[tuple[str, Path], ...] = ()
    threads: int = 1
    slot: int = 0
    gpu: int | None = None


class Process(Protocol):
    """A sandbox that was started, seen from outside: the part of `subprocess.Popen` in use."""

    pid: int

    def poll(self) -> int | None:
        """Exit status; None while it runs."""

    def wait(self, timeout: float | None = None) -> int:
        """Exit status, as soon as nothing in the sandbox runs any more."""

    def kill(self) -> None:
        """Ends everything in the sandbox; no error when it has ended already."""


class Tier(Protocol):
    """One way of isolating a process from the host and from its neighbours.

    Attributes:
        name: as in results and on the command line.
        keeper: whether the outermost process of a sandbox is the tier's own, not the student's.
    """

    name: str
    keeper: bool

    def problem(self) -> str | None:
        """Why the tier cannot be used here and what to install; None when it works."""

    def prepare(self, sandbox: Sandbox, *, wait: bool = True) -> None:
        """Starts what sandboxes like this one share; it lasts until `release`, or this process.

        Args:
            sandbox: one of those that are going to be started.
            wait: until it has come up; without that only the start is sure.

        Raises:
            InfrastructureError: it does not start.
        """

    def release(self) -> None:
        """Ends this process's share in what `prepare` started."""

    def start(
        self, sandbox: Sandbox, settings: dict[str, Any], pass_fds: Sequence[int], log: int
    ) -> Process:
        """Starts `boot.py` inside; file descriptors keep their numbers.

        Args:
            sandbox: what the process sees and may use.
            settings: for `boot.py`; the tier adds limits, user id and folders.
            pass_fds: descriptors to inherit.
            log: descriptor that takes standard output and error.
        """


def environment(sandbox: Sandbox, home: str, data: str) -> dict[str, str]:
    """The whole environment of a sandboxed process: nothing of the host's is passed on."""
    threads = str(sandbox.threads)
    return {
        "PATH": f"{Path(INTERPRETER).parent}:/usr/local/bin:/usr/bin:/bin",
        "HOME": home,
        "USER": "student",
        "LOGNAME": "student",
        "LANG": "C.UTF-8",
        "TZ": "UTC",
        "TERM": "dumb",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONHASHSEED": "0",
        "IPYTHONDIR": f"{home}/.ipython",
        "MPLCONFIGDIR": f"{home}/.matplotlib",
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
        "OMP_NUM_THREADS": threads,
        # Threads that spin while they wait take the core from the neighbour they wait for.
        "OMP_WAIT_POLICY": "passive",
        "MKL_NUM_THREADS": threads,
        "OPENBLAS_NUM_THREADS": threads,
        "GRADER_DATA": data,
        **_cuda(sandbox),
    }


def fixed(sandbox: Sandbox) -> dict[str, str]:
    """What of the environment decides whether a run can be repeated to the bit."""
    names = ("PYTHONHASHSEED", "OMP_NUM_THREADS", "CUBLAS_WORKSPACE_CONFIG")
    whole = environment(sandbox, HOME, DATA)
    return {name: whole[name] for name in names if name in whole}


def _cuda(sandbox: Sandbox) -> dict[str, str]:
    """Which GPU there is, by the index that the driver's program gives it; as a rule none."""
    if sandbox.gpu is None:
        return {"CUDA_VISIBLE_DEVICES": ""}
    return {
        "CUDA_DEVICE_ORDER": "PCI_BUS_ID",
        "CUDA_VISIBLE_DEVICES": str(sandbox.gpu),
        # Matrix products are the same in every run, as torch's notes on reproducibility ask.
        "CUBLAS_WORKSPACE_CONFIG": ":4096:8",
    }


def boot_command(
    library: str,
    settings: dict[str, Any],
    sandbox: Sandbox,
    submission: str | None,
    user: int | None,
) -> list[str]:
    """The program that runs inside, with all that it has to know.

    Args:
        library: folder of the staged library as the process sees it.
        settings: from the caller: mode, sockets.
        sandbox: whose limits apply.
        submission: the student's folder as the process sees it.
        user: id to become; None to stay.
    """
    complete = boot_settings(settings, sandbox, submission, user)
    boot = f"{library}/grader/kernel/inside/boot.py"
    return [INTERPRETER, "-I", boot, json.dumps(complete)]


def boot_settings(
    settings: dict[str, Any], sandbox: Sandbox, submission: str | None, user: int | None
) -> dict[str, Any]:
    """All that `boot.py` has to know; arguments as for `boot_command`."""
    limits = sandbox.limits
    return settings | {
        "user_id": user,
        "submission": submission,
        "memory": limits.memory,
        "disk": limits.disk,
        "processes": limits.processes,
    }
