"""A class that is graded by replaying what was recorded of a few of its members.

As a program: grades one class and prints what it took, as JSON.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import nbformat
from nbformat.v4 import new_code_cell, new_notebook

from grader import batch
from grader.batch import Options, run_batch, write_outputs
from grader.export.formats import Format
from grader.exporting import export
from grader.results import SubmissionResult
from grader.schedule import local
from grader.schedule.events import Finished, Landed, Ready
from grader.settings import Settings
from grader.store import Store
from grader.submission import Submission, slug

RECORDINGS = "RECORDINGS"
COURSE = Path(__file__).parent / "tiny"
_NORM = "def norm(x):\n    return math.sqrt(sum(each * each for each in x))"
_SOFTPLUS = (
    "def softplus(x):\n    return math.log1p(math.exp(x))",
    "def softplus(x):\n    return max(x, 0.0) + math.log1p(math.exp(-abs(x)))",
    "def softplus(x):\n    return max(x, 0.0)",
)
EXPORTS = (Format.CSV, Format.CANVAS, Format.MOODLE, Format.JUNIT)


class Silent:
    """A display that shows nothing."""

    def begin(self, plan: object) -> None:
        """Nothing."""

    def tell(self, event: object) -> None:
        """Nothing."""

    def end(self) -> None:
        """Nothing."""


def record(count: int, folder: Path) -> Path:
    """Grades so many students for real; gives the folder of the run."""
    write_class(count, folder / "class")
    run_batch(Options(folder / "class", folder / "out", str(COURSE)), Silent())
    return folder / "out"


def write_class(count: int, folder: Path) -> None:
    """Tiny notebooks, each with a line that nobody else has; every third student is wrong."""
    for number in range(count):
        last = _SOFTPLUS[number % len(_SOFTPLUS)]
        cells = [f"import math  # s{number:05}", _NORM, last, "norm([1.0, 2.0]), softplus(1.0)"]
        path = folder / f"s{number:05}" / "work.ipynb"
        path.parent.mkdir(parents=True)
        nbformat.write(new_notebook(cells=[new_code_cell(cell) for cell in cells]), path)


def replaying(pipe: Connection, settings: Settings, _slot: int) -> None:
    """A worker that says of every submission what was recorded of one."""
    out = Path(os.environ[RECORDINGS])
    rows = json.loads((out / "results.json").read_text("utf-8"))["submissions"]
    recorded = [SubmissionResult.from_json(row) for row in rows]
    notebooks = [(out / "notebooks" / each.executed).read_text("utf-8") for each in recorded]
    pipe.send(Ready({}))
    while True:
        try:
            submission: Submission = pipe.recv()
        except EOFError:
            return
        place = int(submission.student_id.lstrip("s")) % len(recorded)
        _replay(pipe, submission, settings, recorded[place], notebooks[place])


def _replay(
    pipe: Connection, submission: Submission, settings: Settings, was: SubmissionResult, text: str
) -> None:
    student = submission.student_id
    executed = f"{slug(student)}.ipynb"
    (settings.notebooks / executed).write_text(text, "utf-8")
    for verdict in was.verdicts:
        pipe.send(Landed(student, verdict))
    result = replace(
        was, student_id=student, name=student, digest=submission.digest, executed=executed
    )
    pipe.send(Finished(student, result))


def measured(folder: Path) -> dict[str, float]:
    """Grades the class in a folder, writes its pages again, exports it.

    Seconds are on the clock, and of this process alone where they are `cpu`.
    """
    local.work = replaying
    local._PRELOADED = ["replayed"]
    out = folder / "out"
    clocks = Clocks()
    batch.write_outputs = clocks.timed("report", write_outputs)
    options = Options(folder / "class", out, str(COURSE))
    outcome = clocks.timed("run", run_batch)(options, Silent())
    clocks.subtract("run", "report")
    peak = _peak()
    with Store(out) as store:
        clocks.timed("store", lambda: sum(1 for _ in store.results()))()
        clocks.timed("again", lambda: write_outputs(store, out))()
    clocks.timed("export", lambda: [export(out, each, folder / each.value) for each in EXPORTS])()
    pages = [path.stat().st_size for path in (out / "report").rglob("*.html")]
    return {
        **clocks.seconds,
        "submissions": len(outcome.results),
        "store_bytes": (out / "grader.sqlite").stat().st_size,
        "largest_page_bytes": max(pages),
        "peak_bytes": peak,
    }


class Clocks:
    """Seconds by name."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    def timed(self, name: str, action: Callable[..., Any]) -> Callable[..., Any]:
        """The action, with its seconds noted."""

        def run(*arguments: Any) -> Any:
            wall, own = time.monotonic(), time.process_time()
            done = action(*arguments)
            self.seconds[f"{name}_seconds"] = time.monotonic() - wall
            self.seconds[f"{name}_cpu_seconds"] = time.process_time() - own
            return done

        return run

    def subtract(self, name: str, part: str) -> None:
        """Takes the seconds of a part off those of the whole."""
        for unit in ("seconds", "cpu_seconds"):
            self.seconds[f"{name}_{unit}"] -= self.seconds[f"{part}_{unit}"]


def _peak() -> int:
    """Of this process, which is the scheduler; not of its workers."""
    lines = Path("/proc/self/status").read_text("utf-8").splitlines()
    return next(int(line.split()[1]) << 10 for line in lines if line.startswith("VmHWM"))


if __name__ == "__main__":
    os.environ[RECORDINGS] = sys.argv[1]
    print(json.dumps(measured(Path(sys.argv[2]))))
