"""How many submissions run at a time, and on what."""

from __future__ import annotations

import os

from grader.devices import Place, place
from grader.errors import UsageError


def place_for(device: str, most: int | None, isolation: str) -> Place:
    """Where students' code runs on this machine.

    Args:
        device: auto, cpu or cuda.
        most: GPUs to use at most.
        isolation: as asked for.

    Raises:
        UsageError: the wishes do not go together, or there is no such device.
    """
    if device == "cuda":
        _require_cold(isolation)
    return Place("cpu") if isolation == "warm" else place(device, most)


def place_elsewhere(device: str, isolation: str, gpus_per_task: int) -> Place:
    """Where it runs on other machines, each of which looks for GPUs of its own.

    Raises:
        UsageError: the wishes do not go together.
    """
    if device != "cpu":
        instead = (
            "--gpus-per-task alone asks for GPUs"
            if gpus_per_task
            else "leave it out with --on slurm"
        )
        raise UsageError(f"--device is for this machine: {instead}")
    if not gpus_per_task:
        return Place("cpu")
    _require_cold(isolation)
    return Place("cuda")


def _require_cold(isolation: str) -> None:
    if isolation == "warm":
        raise UsageError("warm kernels see no GPU: take --isolation bwrap, or leave it out")


def isolation_on(where: Place, asked: str) -> str:
    """Warm kernels share a process that was made without a GPU, so cold ones take their place."""
    return "bwrap" if where.device == "cuda" and asked == "auto" else asked


def slots(where: Place, asked: int | None, per_gpu: int, *, elsewhere: bool) -> int:
    """Submissions at a time: a core each, and no more on a GPU than it has room for."""
    jobs = asked or (1 if elsewhere else cores())
    return min(jobs, len(where.gpus) * per_gpu) if where.gpus else jobs


def cores() -> int:
    """How many this process may use; where the system does not say, all of them."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
