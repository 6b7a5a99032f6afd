"""How a run grows with its class: a hundred, a thousand and ten thousand submissions.

The real scheduler, store, reports and exports run over notebooks of a few small functions. A few
of them are executed and checked for real; every other result is one of these recordings, replayed
by workers that are otherwise real, so that ten thousand take minutes and not an hour.


Each class is graded in a process of its own, whose peak of memory is that of the scheduler: workers
and sandboxes are not in it. What is printed for each figure is its exponent in the number of
submissions: the slope of a straight line through the logarithms. Linear growth is 1, and a part
that every run has, however small its class, makes it smaller.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from replayed import record, write_class

CLASSES = (100, 1_000, 10_000)
QUICK = (100, 1_000)
RECORDED = 12
FIGURES = {
    "run_seconds": "grading",
    "run_cpu_seconds": "  of one core",
    "store_bytes": "store",
    "store_seconds": "reading the store",
    "report_seconds": "report",
    "report_cpu_seconds": "  of one core",
    "again_seconds": "report, unchanged",
    "export_seconds": "exports",
    "export_cpu_seconds": "  of one core",
    "largest_page_bytes": "largest page",
    "peak_bytes": "scheduler's memory",
}


def main() -> None:
    """Measures each class and prints the figures with their exponents."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="without the largest class")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="grader-scale-") as folder:
        recordings = record(RECORDED, Path(folder) / "recorded")
        measured = {
            count: _measured(count, recordings, Path(folder) / str(count))
            for count in (QUICK if options.quick else CLASSES)
        }
    exponents = {name: exponent({n: m[name] for n, m in measured.items()}) for name in FIGURES}
    if options.json:
        facts = {
            "exponents": exponents,
            "measured": measured,
            "cores": len(os.sched_getaffinity(0)),
        }
        print(json.dumps(facts))
        return
    for line in _lines(measured, exponents):
        print(line)


def exponent(values: dict[int, float]) -> float:
    """The slope of the line through the logarithms: of the value over the number."""
    numbers = [math.log(number) for number in values]
    logs = [math.log(max(value, 1e-9)) for value in values.values()]
    return statistics.linear_regression(numbers, logs).slope


def _measured(count: int, recordings: Path, folder: Path) -> dict[str, float]:
    """Grades one class in a process of its own."""
    began = time.monotonic()
    write_class(count, folder / "class")
    print(f"{count} notebooks written in {time.monotonic() - began:.0f} s", file=sys.stderr)
    program = Path(__file__).with_name("replayed.py")
    command = [sys.executable, str(program), str(recordings), str(folder)]
    ended = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, float] = json.loads(ended.stdout.splitlines()[-1])
    print(f"{count}: {found}", file=sys.stderr)
    return found


def _lines(measured: dict[int, dict[str, float]], exponents: dict[str, float]) -> Iterator[str]:
    yield f"{'submissions':<22}" + "".join(f"{count:>12}" for count in measured)
    for name, words in FIGURES.items():
        shown = "".join(f"{_shown(name, each[name]):>12}" for each in measured.values())
        yield f"  {words:<20}{shown}   exponent {exponents[name]:5.2f}"


def _shown(name: str, value: float) -> str:
    return f"{value / 2**20:.1f} MiB" if name.endswith("bytes") else f"{value:.2f} s"


if __name__ == "__main__":
    main()
