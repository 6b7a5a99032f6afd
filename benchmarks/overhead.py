"""Wall time and peak memory of `grader run` beside bare nbclient on the same notebooks.

Both run in turn, several times, on the same machine in the same minute; what counts is the ratio
of the medians. `grader run` executes in the sandbox, runs every check, recomputes the bits per
dimension in a second sandbox, and writes the report; bare nbclient only executes.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from grader.data import find
from grader.sandbox import TIERS

ROOT = Path(__file__).parents[1]
SUBMISSIONS = ROOT / "assignments/vae/submissions"
# The endless loop measures its deadline and the empty notebook nothing; the hostile one must not
# run where nothing isolates it.
LEFT_OUT = {"endless-loop", "empty", "hostile"}


@dataclass(frozen=True)
class Measured:
    """One run over all notebooks."""

    wall_seconds: float
    peak_bytes: int


def main() -> None:
    """Measures all in turn and prints medians and ratios."""
    options = _options()
    jobs = len(os.sched_getaffinity(0))
    tiers = [tier.name for tier in TIERS.values() if tier.name != "none" and not tier.problem()]
    runs: dict[str, list[Measured]] = {name: [] for name in ("bare nbclient", *tiers)}
    with tempfile.TemporaryDirectory(prefix="grader-bench-") as scratch, _training_data() as data:
        folder = _submissions(Path(scratch) / "submissions")
        notebooks = sorted(map(str, folder.rglob("*.ipynb")))
        bare = [sys.executable, str(ROOT / "benchmarks/bare_nbclient.py"), str(jobs), *notebooks]
        for turn in range(options.repeat):
            runs["bare nbclient"].append(_measure(bare, data))
            for tier in tiers:
                out = Path(scratch) / f"{tier}-{turn}"
                runs[tier].append(_measure(_grader(folder, out, jobs, tier), data))
    _print(runs, len(notebooks), as_json=options.json)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


def _submissions(folder: Path) -> Path:
    for source in sorted(SUBMISSIONS.iterdir()):
        if source.is_dir() and source.name not in LEFT_OUT:
            shutil.copytree(source, folder / source.name)
    return folder


def _grader(folder: Path, out: Path, jobs: int, tier: str) -> list[str]:
    command = [sys.executable, "-m", "grader.cli", "run", str(folder), "--assignment", "vae"]
    return [*command, "--out", str(out), "--jobs", str(jobs), "--isolation", tier]


@contextmanager
def _training_data() -> Iterator[dict[str, str]]:
    """The environment in which a bare kernel finds the data and takes one thread, as ours do."""
    data = find("digits")
    with tempfile.TemporaryDirectory(prefix="grader-data-") as folder:
        (Path(folder) / data.name).mkdir()
        for path in (data.train_images, data.train_labels):
            (Path(folder) / data.name / path.name).symlink_to(path)
        yield {**os.environ, "GRADER_DATA": folder, "OMP_NUM_THREADS": "1"}


def _measure(command: list[str], environment: dict[str, str]) -> Measured:
    began = time.monotonic()
    process = subprocess.Popen(
        command,
        cwd=environment["GRADER_DATA"],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    peak = _Peak(process.pid)
    peak.start()
    _, errors = process.communicate()
    wall_seconds = time.monotonic() - began
    peak.stop()
    if process.returncode not in (0, 1):
        raise SystemExit(
            f"{command[1:4]} ended with {process.returncode}: {errors.decode()[-500:]}"
        )
    return Measured(wall_seconds, peak.peak_bytes)


class _Peak(threading.Thread):
    """The largest proportional memory of a process and all of its descendants."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self._root = psutil.Process(pid)
        self._stopped = threading.Event()
        self.peak_bytes = 0

    def run(self) -> None:
        while not self._stopped.wait(0.5):
            self.peak_bytes = max(self.peak_bytes, self._used())

    def stop(self) -> None:
        self._stopped.set()
        self.join()

    def _used(self) -> int:
        total = 0
        try:
            family = [self._root, *self._root.children(recursive=True)]
        except psutil.Error:
            return 0
        for process in family:
            try:
                total += process.memory_full_info().pss
            except psutil.Error:
                continue
        return total


def _print(runs: dict[str, list[Measured]], count: int, *, as_json: bool) -> None:
    rows = {name: _facts(measured, count) for name, measured in runs.items()}
    bare = rows["bare nbclient"]
    for row in rows.values():
        row["ratio_wall"] = row["wall_seconds"] / bare["wall_seconds"]
        row["ratio_memory"] = row["peak_bytes"] / bare["peak_bytes"]
    if as_json:
        print(json.dumps({"submissions": count, "runs": rows}))
        return
    print(f"{count} notebooks, medians; wall seconds per submission, peak memory of everything")
    for name, row in rows.items():
        print(
            f"  {name:<14}{row['wall_seconds']:7.2f} s{row['ratio_wall']:7.2f}"
            f"{row['peak_bytes'] / 2**20:8.0f} MiB{row['ratio_memory']:7.2f}"
        )


def _facts(measured: list[Measured], count: int) -> dict[str, float]:
    return {
        "wall_seconds": statistics.median(m.wall_seconds for m in measured) / count,
        "peak_bytes": statistics.median(m.peak_bytes for m in measured),
    }


if __name__ == "__main__":
    main()
