"""Cost of a call into a student's kernel, there and back, in the sandbox that `grader run` uses.

The student's function returns what it was given, so that everything measured is the way: encoding,
the sockets, decoding, and the tensors made of arrays in between.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time

import numpy as np
from kernels import kernel, place

from grader.checks.subject import Subject

SIZES = {"1 KB": (1 << 10, 1000), "64 KB": (1 << 16, 400), "1 MB": (1 << 20, 100)}
ECHO = "def echo(x):\n    return x"
FIRST_CALLS = 50


def main() -> None:
    """Prints the median and the 95th percentile for each size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with place() as folder, kernel(folder, 0, ECHO) as subject:
        rows = {name: _seconds(subject, *given) for name, given in SIZES.items()}
    facts = {
        name: {
            "median_seconds": statistics.median(seconds),
            "p95_seconds": statistics.quantiles(seconds, n=20)[-1],
            "fastest_seconds": min(seconds),
            "calls": len(seconds),
        }
        for name, seconds in rows.items()
    }
    if options.json:
        print(json.dumps(facts))
        return
    print("a call, there and back, in ms:  median     95 %  fastest")
    for name, row in facts.items():
        figures = (row[key] for key in ("median_seconds", "p95_seconds", "fastest_seconds"))
        print(f"  {name:>6}               {''.join(f'{1000 * x:9.3f}' for x in figures)}")


def _seconds(subject: Subject, size_bytes: int, calls: int) -> list[float]:
    given = np.arange(size_bytes // 4, dtype=np.float32)
    for _ in range(FIRST_CALLS):
        subject.call("echo", given)
    seconds = []
    for _ in range(calls):
        began = time.perf_counter()
        subject.call("echo", given)
        seconds.append(time.perf_counter() - began)
    return seconds


if __name__ == "__main__":
    main()
