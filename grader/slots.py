"""How many submissions run at a time, and on what."""

from __future__ import annotations

import os

from grader.devices import Place, place
from grader.errors import UsageError


def place_for(device: str, most: int | None, isolation: str, *, elsewhere: bool) -> Place:
    """Where students' code runs.

    Args:
        device: auto, cpu or cuda.
        most: GPUs to use at most.
        isolation: as asked for.
        elsewhere: whether other machines grade.

    Raises:
        UsageError: the wishes do not go together, or there is no such device.
    """
    if device != "cpu" and elsewhere:
        raise UsageError("--device is for this machine: leave it out with --on slurm")
    if device == "cuda" and isolation == "warm":
        raise UsageError("warm kernels see no GPU: take --isolation bwrap, or leave it out")
    return Place("cpu") if isolation == "warm" else place(device, most)


def place_elsewhere(device: str, isolation: str) -> Place:
    """GPUs of other machines, each of which looks for its own.

    Raises:
        UsageError: the wishes do not go together.
    """
    if device != "cpu":
        raise UsageError("--device is for this machine: --gpus-per-task alone asks for GPUs")
    if isolation == "warm":
        raise UsageError("warm kernels see no GPU: take --isolation bwrap, or leave it out")
    return Place("cuda")


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
