"""Submissions per second: `grader run` beside bare nbclient, nbgrader and otter-grader.

All grade the same class (see `classroom.py`) in turn, several times, on this machine in the same
minutes; what counts is the ratio of the medians of seconds per submission. `grader run` is timed as
it is used: on the whole class, sandbox on, every check, reports written, its own start included.
The others, which take seconds for each, get the first of the class: nbgrader in one command, otter
in a command for each hand-in; bare nbclient executes and grades nothing. Each tool must have given
full marks to those who are right and fewer to those who are not, or the figures are refused.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from importlib.metadata import version
from pathlib import Path

import classroom
import torch
from memory import per_kernel
from rivals import Nbgrader, Otter

ROOT = Path(__file__).parents[1]
# Warm: what `auto` takes where it can.
TIER = "warm"


@dataclass(frozen=True, slots=True)
class Plan:
    """How many turns, and how many of the class each tool gets."""

    turns: int
    submissions: dict[str, int]


# A lecture's hand-ins for grader, whose own start all of them share; alone is grader, too.
FULL = Plan(3, {"grader": 300, "alone": 60, "nbclient": 20, "nbgrader": 16, "otter": 6})
QUICK = Plan(1, {"grader": 120, "alone": 40, "nbclient": 8, "nbgrader": 6, "otter": 2})


@dataclass
class Measured:
    """What the turns have given.

    Attributes:
        seconds: per submission, by tool, a figure for each turn.
        overheads: of every submission in `grader run`: all but the student's own code.
        alone: the same where one submission runs at a time, so that none waits for a core.
    """

    seconds: dict[str, list[float]] = field(default_factory=dict)
    overheads: list[float] = field(default_factory=list)
    alone: list[float] = field(default_factory=list)


def main() -> None:
    """Measures in turns and prints medians and ratios."""
    options = _options()
    plan = QUICK if options.quick else FULL
    own = own_seconds(plan.submissions["grader"])
    nbgrader, otter = Nbgrader(options.torch), Otter(options.torch)
    measured = Measured({tool: [] for tool in plan.submissions})
    grade: dict[str, Callable[[Sequence[int], Path], tuple[float, dict[int, float]]]] = {
        "grader": partial(_grader, own=own, overheads=measured.overheads, jobs=_cores()),
        "alone": partial(_grader, own=own, overheads=measured.alone, jobs=1),
        "nbclient": _nbclient,
        "nbgrader": nbgrader.grade,
        "otter": otter.grade,
    }
    for turn in range(plan.turns):
        for tool, count in plan.submissions.items():
            with tempfile.TemporaryDirectory(prefix="grader-bench-") as folder:
                seconds, shares = grade[tool](range(count), Path(folder))
            _require_decided(tool, shares)
            measured.seconds[tool].append(seconds / count)
            print(f"turn {turn + 1}: {tool} {seconds / count:.3f} s", file=sys.stderr)
    _print(_facts(plan, measured), as_json=options.json)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one turn, fewer submissions")
    parser.add_argument("--json", action="store_true")
    parser.add_argument(
        "--torch",
        default=f"torch=={version('torch').partition('+')[0]}",
        help="requirement of torch in the other graders' environments",
    )
    return parser.parse_args()


def _grader(
    students: Sequence[int],
    folder: Path,
    *,
    own: Sequence[float],
    overheads: list[float],
    jobs: int,
) -> tuple[float, dict[int, float]]:
    classroom.write_plain(students, folder / "class")
    command = [sys.executable, "-m", "grader.cli", "run", str(folder / "class")]
    command += ["--assignment", str(classroom.COURSE), "--out", str(folder / "out")]
    seconds = _timed([*command, "--isolation", TIER, "--jobs", str(jobs)], dict(os.environ))
    rows = json.loads((folder / "out/results.json").read_text("utf-8"))["submissions"]
    by_name = {row["student_id"]: row for row in rows}
    of = {student: by_name[classroom.name(student)] for student in students}
    overheads += [row["wall_seconds"] - own[student] for student, row in of.items()]
    return seconds, {student: row["score"] / row["max_score"] for student, row in of.items()}


def _nbclient(students: Sequence[int], folder: Path) -> tuple[float, dict[int, float]]:
    notebooks = classroom.write_plain(students, folder)
    program = ROOT / "benchmarks/bare_nbclient.py"
    command = [sys.executable, str(program), str(_cores()), *map(str, notebooks)]
    # A kernel on each core, so a thread for each kernel, as in `grader run`.
    return _timed(command, {**os.environ, "OMP_NUM_THREADS": "1"}), {}


def _timed(command: list[str], environment: dict[str, str]) -> float:
    began = time.monotonic()
    ended = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    seconds = time.monotonic() - began
    if ended.returncode != 0:
        said = (ended.stdout + ended.stderr)[-1000:]
        raise SystemExit(f"{command[1:4]} ended with {ended.returncode}: {said}")
    return seconds


def _cores() -> int:
    return len(os.sched_getaffinity(0))


def own_seconds(count: int) -> list[float]:
    """What the students' own cells take where everything is imported already."""
    torch.set_num_threads(1)
    return [min(_executed(student) for _ in range(3)) for student in range(count)]


def _executed(student: int) -> float:
    program = "\n".join(cell.source for cell in classroom.plain(student).cells)
    compiled = compile(program, classroom.name(student), "exec")
    began = time.perf_counter()
    with contextlib.redirect_stdout(io.StringIO()):
        exec(compiled, {})  # the benchmark's own notebooks
    return time.perf_counter() - began


def _require_decided(tool: str, shares: dict[int, float]) -> None:
    wrong = [student for student in shares if (shares[student] == 1) != classroom.is_right(student)]
    if wrong:
        raise SystemExit(f"{tool} has misjudged {', '.join(map(classroom.name, wrong))}")


def _facts(plan: Plan, measured: Measured) -> dict[str, object]:
    medians = {tool: statistics.median(all_) for tool, all_ in measured.seconds.items()}
    ours = medians["grader"]
    kernel = per_kernel()
    return {
        "ratio_nbclient": medians["nbclient"] / ours,
        "ratio_nbgrader": medians["nbgrader"] / ours,
        "ratio_otter": medians["otter"] / ours,
        "overhead_seconds": statistics.median(measured.overheads),
        "overhead_alone_seconds": statistics.median(measured.alone),
        "memory_bytes_per_kernel": kernel.bytes_per_kernel,
        "seconds_per_submission": medians,
        "submissions": plan.submissions,
        "turns": plan.turns,
        "cores": _cores(),
        "load": os.getloadavg()[2],
    }


def _print(facts: dict[str, object], *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(facts))
        return
    for line in _lines(facts):
        print(line)


def _lines(facts: dict[str, object]) -> Iterator[str]:
    seconds, submissions = facts["seconds_per_submission"], facts["submissions"]
    assert isinstance(seconds, dict)
    assert isinstance(submissions, dict)
    yield f"{facts['cores']} cores, medians of {facts['turns']}; load before {facts['load']:.1f}"
    for tool, each in seconds.items():
        times = each / seconds["grader"]
        yield f"  {tool:<9}{submissions[tool]:4} submissions{each:8.3f} s each{times:8.1f}"
    yield f"  overhead above the student's own code {facts['overhead_seconds']:.3f} s"
    yield f"  the same with one submission at a time {facts['overhead_alone_seconds']:.3f} s"
    yield f"  memory per kernel {facts['memory_bytes_per_kernel'] / 2**20:.0f} MiB"


if __name__ == "__main__":
    main()
