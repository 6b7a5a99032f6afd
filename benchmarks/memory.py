"""Memory that a further kernel takes: what the processes of a sandbox add to all there is.

Proportional sizes (PSS), so that a page which is shared is counted once; the kernels have executed
the hand-ins of `classroom.py` and wait for requests. A driver stands beside each kernel while its
submission runs, and is given apart.
"""

from __future__ import annotations

import argparse
import json
from contextlib import ExitStack
from dataclasses import asdict, dataclass

import psutil
from kernels import kernel, place

KERNELS = 8


@dataclass(frozen=True, slots=True)
class PerKernel:
    """What one more takes.

    Attributes:
        bytes_per_kernel: all processes of its sandbox.
        bytes_per_driver: the process that has executed its notebook.
        kernels: how many the figures are taken from.
    """

    bytes_per_kernel: float
    bytes_per_driver: float
    kernels: int


def main() -> None:
    """Prints what a further kernel takes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    found = per_kernel()
    if parser.parse_args().json:
        print(json.dumps(asdict(found)))
        return
    print(f"of {found.kernels} kernels, what each takes after the first")
    print(f"  sandbox {found.bytes_per_kernel / 2**20:6.1f} MiB")
    print(f"  driver  {found.bytes_per_driver / 2**20:6.1f} MiB")


def per_kernel() -> PerKernel:
    """Starts kernels one after the other and looks at the first and at the last."""
    with place() as folder, ExitStack() as running:
        running.enter_context(kernel(folder, 0))
        sandboxes, drivers = _sizes()
        for number in range(1, KERNELS):
            running.enter_context(kernel(folder, number))
        more_sandboxes, more_drivers = _sizes()
    further = KERNELS - 1
    return PerKernel(
        (more_sandboxes - sandboxes) / further, (more_drivers - drivers) / further, KERNELS
    )


def _sizes() -> tuple[int, int]:
    """Of all sandboxes with what they are forked from, and of all drivers with theirs."""
    sandboxes = drivers = 0
    for child in psutil.Process().children():
        family = [child, *child.children(recursive=True)]
        size = sum(process.memory_full_info().pss for process in family)
        if child.name() == "bwrap" or "zygote" in " ".join(child.cmdline()):
            sandboxes += size
        else:
            drivers += size
    return sandboxes, drivers


if __name__ == "__main__":
    main()
