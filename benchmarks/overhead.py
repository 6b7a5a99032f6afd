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
    """Measures both in turn and prints medians and ratios."""
    options = _options()
    jobs = len(os.sched_getaffinity(0))
    with tempfile.TemporaryDirectory(prefix="grader-bench-") as scratch, _training_data() as data:
        folder = _submissions(Path(scratch) / "submissions")
        notebooks = sorted(map(str, folder.rglob("*.ipynb")))
        bare_command = [sys.executable, str(ROOT / "benchmarks/bare_nbclient.py"), str(jobs)]
        bare, ours = [], []
        for turn in range(options.repeat):
            out = Path(scratch) / f"out-{turn}"
            bare.append(_measure([*bare_command, *notebooks], data))
            ours.append(_measure(_grader(folder, out, jobs), data))
    _print(bare, ours, len(notebooks), as_json=options.json)


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


def _grader(folder: Path, out: Path, jobs: int) -> list[str]:
    command = [sys.executable, "-m", "grader.cli", "run", str(folder)]
    return [*command, "--assignment", "vae", "--out", str(out), "--jobs", str(jobs)]


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


def _print(bare: list[Measured], ours: list[Measured], count: int, *, as_json: bool) -> None:
    seconds = [statistics.median(m.wall_seconds for m in runs) for runs in (bare, ours)]
    peaks = [statistics.median(m.peak_bytes for m in runs) for runs in (bare, ours)]
    facts = {
        "submissions": count,
        "repeats": len(ours),
        "bare_seconds": seconds[0] / count,
        "grader_seconds": seconds[1] / count,
        "ratio_wall": seconds[1] / seconds[0],
        "bare_peak_bytes": int(peaks[0]),
        "grader_peak_bytes": int(peaks[1]),
        "ratio_memory": peaks[1] / peaks[0],
    }
    if as_json:
        print(json.dumps(facts))
        return
    print(f"{count} notebooks, {len(ours)} turns, medians, wall seconds per submission")
    print(f"  bare nbclient  {facts['bare_seconds']:6.2f} s   {peaks[0] / 2**20:6.0f} MiB at most")
    print(
        f"  grader run     {facts['grader_seconds']:6.2f} s   {peaks[1] / 2**20:6.0f} MiB at most"
    )
    print(f"  ratio          {facts['ratio_wall']:6.2f}     {facts['ratio_memory']:6.2f}")


if __name__ == "__main__":
    main()
