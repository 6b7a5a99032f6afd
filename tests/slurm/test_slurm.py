"""`grader run --on slurm` on a real Slurm of two nodes."""

from __future__ import annotations

import contextlib
import json
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from grader.sandbox import TIERS
from tests.conftest import HALF, RIGHT
from tests.processes import running
from tests.slurm.nodes import Nodes, until

pytestmark = [pytest.mark.slurm, pytest.mark.sandbox]

ROOT = Path(__file__).parents[2]
STUDENTS, FEW = 40, 12
# So that a node can be lost in the middle of a shard.
SLOWLY = "import time\ntime.sleep(0.2)\n"
ANSWERS = (RIGHT, HALF, "def one():\n    return 1.0", "1 / 0")
VARIES = {"wall_seconds", "landed_at"}
# How long something took is never the same twice, nor is the picture that a notebook draws of it.
TIMED = {"seconds_by_length", "picture_shape", "picture_std"}
PATIENCE_SECONDS = 300


@pytest.fixture
def course(hand_in: Callable[..., Path], sums: Path, nodes: Nodes) -> Callable[[int], None]:
    """Makes a class with right answers and wrong ones."""
    if problem := TIERS["warm"].problem():
        pytest.skip(problem)

    def make(students: int) -> None:
        for number in range(students):
            hand_in(f"student{number:02}", SLOWLY + ANSWERS[number % len(ANSWERS)])

    return make


class Runs:
    """Commands that grade a class.

    Args:
        root: folder for what they write.
        nodes: on which Slurm runs.
        hand_ins: of the class.
        assignment: by name or folder.
    """

    def __init__(self, root: Path, nodes: Nodes, hand_ins: Path, assignment: str | Path) -> None:
        self._root = root
        self._nodes = nodes
        self._grades = [str(hand_ins), "--assignment", str(assignment)]

    def out(self, name: str) -> Path:
        """Where one of them writes."""
        return self._root / f"out-{name}"

    @contextlib.contextmanager
    def started(self, name: str, *more: str) -> Iterator[subprocess.Popen[str]]:
        """A command that runs; killed at the end if it still does."""
        command = [sys.executable, "-m", "grader.cli", "run", *self._grades]
        command += ["--out", str(self.out(name)), *more]
        environment = self._nodes.environment() | {
            "GRADER_SECRET": "of the course",
            "OMP_NUM_THREADS": "1",
            "HOME": str(self._root / "home"),
        }
        with running(command, env=environment) as process:
            yield process

    def done(self, name: str, *more: str) -> str:
        """What a command prints until it has come to its end."""
        with self.started(name, *more) as process:
            said, _ = process.communicate(timeout=PATIENCE_SECONDS)
        assert process.returncode == 0, said
        return said

    def verdicts(self, name: str) -> dict[str, Any]:
        """Of each student, all that must not depend on where it was graded."""
        return {
            student: (row["status"], row["score"], [_decision(v) for v in row["verdicts"]])
            for student, row in self.rows(name).items()
        }

    def rows(self, name: str) -> dict[str, Any]:
        """Of `results.json`, by student."""
        rows = json.loads((self.out(name) / "results.json").read_text("utf-8"))["submissions"]
        return {row["student_id"]: row for row in rows}

    def finished(self, name: str) -> int:
        """Results in the store."""
        with (
            contextlib.suppress(sqlite3.Error),
            contextlib.closing(
                sqlite3.connect(f"file:{self.out(name)}/grader.sqlite?mode=ro", uri=True)
            ) as db,
        ):
            return int(db.execute("select count(*) from results").fetchone()[0])
        return 0


def _decision(verdict: dict[str, Any]) -> dict[str, Any]:
    evidence = {name: value for name, value in verdict["evidence"].items() if name not in TIMED}
    return {k: v for k, v in verdict.items() if k not in VARIES} | {"evidence": evidence}


@pytest.fixture
def runs(tmp_path: Path, nodes: Nodes) -> Runs:
    return Runs(tmp_path, nodes, tmp_path / "class", tmp_path / "sums")


# A task fills a node, so that one shard is lost with it.
ON_SLURM = ("--on", "slurm", "--shard", "8", "--jobs", "2", "--isolation", "warm")


def test_a_node_that_is_lost_costs_no_result(
    course: Callable[[int], None], runs: Runs, nodes: Nodes
) -> None:
    course(STUDENTS)
    with runs.started("slurm", *ON_SLURM) as process:
        until(lambda: runs.finished("slurm") > 0 and bool(nodes.jobs("node1")))
        nodes.lose("node1")
        # As whoever watches over the machines does; Slurm itself needs half a minute to notice.
        nodes.said("scontrol", "update", "nodename=node1", "state=down", "reason=lost")
        until(lambda: "BeginTime" in nodes.said("squeue", "-h", "-o", "%r"))
        before = runs.finished("slurm")
        nodes.boot("node1")
        nodes.said("scontrol", "update", "nodename=node1", "state=resume")
        nodes.release()
        with runs.started("slurm", *ON_SLURM) as second:
            said, _ = second.communicate(timeout=PATIENCE_SECONDS)
        assert second.returncode == 1
        assert "another run is writing" in said
        said, _ = process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == 0, said
    assert 0 < before < STUDENTS, "the node was not lost in the middle"
    rows = runs.rows("slurm")
    assert len(rows) == STUDENTS
    again = [row for row in rows.values() if row["provenance"]["restarts"]]
    assert 0 < len(again) <= 8, "one shard was queued again"
    runs.done("warm", "--isolation", "warm")
    assert runs.verdicts("slurm") == runs.verdicts("warm")
    assert {row["score"] for row in rows.values()} == {0, 1, 3}


@pytest.mark.slow
@pytest.mark.parametrize("topic", ["attention", "ddpm", "gan_backprop"])
def test_a_topic_is_graded_alike_on_slurm_warm_and_cold(
    tmp_path: Path, nodes: Nodes, topic: str
) -> None:
    runs = Runs(tmp_path, nodes, ROOT / "assignments" / topic / "submissions", topic)
    runs.done("slurm", "--on", "slurm", "--shard", "3", "--isolation", "warm")
    for name, tier in (("warm", "warm"), ("cold", "bwrap")):
        runs.done(name, "--isolation", tier)
        assert runs.verdicts(name) == runs.verdicts("slurm")
    assert len({score for _, score, _ in runs.verdicts("slurm").values()}) > 1


def test_a_scheduler_that_dies_is_picked_up_by_the_same_command(
    course: Callable[[int], None], runs: Runs, nodes: Nodes
) -> None:
    course(FEW)
    with runs.started("slurm", *ON_SLURM) as process:
        until(lambda: runs.finished("slurm") > 0)
        process.kill()
    before = runs.finished("slurm")
    assert before < FEW
    (job,) = {line.partition("_")[0] for line in nodes.said("squeue", "-h", "-o", "%i").split()}
    said = runs.done("slurm", *ON_SLURM)
    assert f"Slurm job {job}: 2 tasks" in said
    assert said.count("Slurm job") == 1, "nothing was queued a second time"
    assert f"{before} unchanged, not run again" in said
    assert len(runs.rows("slurm")) == FEW
    assert runs.rows("slurm")["student00"]["score"] == 3
    assert not (runs.out("slurm") / "slurm/results").exists()
