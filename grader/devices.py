"""Which GPUs this machine has, and where students' code is going to run.

The grader itself never touches CUDA: it asks the driver's own program, so that kernels can be
forked from a process that knows nothing of a GPU.
"""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

from grader.errors import UsageError
from grader.threshold import Device

_QUERY = "index,uuid,name,driver_version,memory.total"
_SECONDS = 20


@dataclass(frozen=True, slots=True)
class Gpu:
    """One GPU as the driver describes it."""

    index: int
    uuid: str
    name: str
    driver: str
    memory_bytes: int


@dataclass(frozen=True, slots=True)
class Place:
    """Where students' code runs.

    Attributes:
        device: what thresholds are written for.
        gpus: those that kernels may use, one each.
        said: for the plan of a run where a GPU was asked for; says why where there is none.
    """

    device: Device
    gpus: tuple[Gpu, ...] = ()
    said: str = ""

    def named(self, slot: int) -> str:
        """The device of a worker, with its driver, as results have it."""
        gpu = self.gpu(slot)
        return "cpu" if gpu is None else f"cuda ({gpu.name}, driver {gpu.driver})"

    def gpu(self, slot: int) -> Gpu | None:
        """The GPU of a worker: neighbours get different ones as long as there are enough."""
        return self.gpus[slot % len(self.gpus)] if self.gpus else None


def place(asked: str, most: int | None = None) -> Place:
    """Where to run, of `auto`, `cpu` and `cuda`.

    Args:
        asked: `auto` takes a GPU where there is one, and says so where there is none.
        most: GPUs to use at most.

    Raises:
        UsageError: `cuda` is asked for, and cannot be had.
    """
    if asked == "cpu":
        return Place("cpu")
    problem, found = _lacking(), visible_gpus()
    if not problem and not found:
        problem = "the driver shows no GPU"
    if problem:
        if asked == "cuda":
            raise UsageError(f"--device cuda: {problem}; --device cpu runs without")
        return Place("cpu", said=f"device cpu, for {problem}")
    taken = found[:most]
    names = ", ".join(sorted({gpu.name for gpu in taken}))
    return Place("cuda", taken, f"device cuda: {len(taken)} of {len(found)} GPUs ({names})")


def visible_gpus() -> tuple[Gpu, ...]:
    """What nvidia-smi lists, less what CUDA_VISIBLE_DEVICES leaves out; none without a driver."""
    command = ["nvidia-smi", f"--query-gpu={_QUERY}", "--format=csv,noheader,nounits"]
    try:
        asked = subprocess.run(
            command, capture_output=True, text=True, timeout=_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ()
    lines = asked.stdout.splitlines() if asked.returncode == 0 else []
    gpus = [gpu for line in lines if (gpu := _gpu(line)) is not None]
    allowed = os.environ.get("CUDA_VISIBLE_DEVICES")
    if allowed is None:
        return tuple(gpus)
    wanted = [name.strip() for name in allowed.split(",") if name.strip()]
    return tuple(gpu for name in wanted for gpu in gpus if _is(gpu, name))


def _is(gpu: Gpu, name: str) -> bool:
    return name == str(gpu.index) or (name.startswith("GPU-") and gpu.uuid.startswith(name))


def _gpu(line: str) -> Gpu | None:
    parts = [part.strip() for part in line.split(",")]
    if len(parts) != 5 or not parts[0].isdigit():
        return None
    index, uuid, name, driver, mebibytes = parts
    # A GPU that shares its memory with the system has none of its own to tell of.
    memory = int(mebibytes) << 20 if mebibytes.isdigit() else 0
    return Gpu(int(index), uuid, name, driver, memory)


def _lacking() -> str:
    """Why torch could use no GPU at all; empty where it could."""
    try:
        build = version("torch")
    except PackageNotFoundError:
        return "torch is not installed"
    return f"torch {build} is a build for the CPU" if "+cpu" in build else ""
