"""What happens to tasks of Slurm's: a node is lost under them, a device is not given again."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from sqlite3 import connect
from typing import TYPE_CHECKING

import nbformat

from grader.assignment import load
from grader.devices import Place
from grader.kernel.library import stage_library
from grader.schedule.bundle import write_bundle
from grader.schedule.delivery import SUFFIX, delivered
from grader.settings import Settings
from grader.submission import discover
from tests.attacks.program import SHEETS
from tests.slurm.nodes import Nodes, until

if TYPE_CHECKING:
    from tests.attacks.course import Course

STUDENTS = 12
PATIENCE_SECONDS = 600


def _slow_down(path: Path) -> None:
    """So that a node is lost in the middle of a shard, and not behind its last result."""
    notebook = nbformat.read(path, as_version=4)
    notebook.cells[0].source = f"import time\ntime.sleep(1)\n{notebook.cells[0].source}"
    nbformat.write(notebook, path)


def node_lost(course: Course) -> None:
    """A node goes down with everything on it once there is a result; nobody else helps."""
    for number in range(STUDENTS):
        course.neighbour(f"student{number:02}")
        _slow_down(course.hand_ins / f"student{number:02}.ipynb")
    with Nodes(course.root / "slurm") as nodes:
        os.environ["SLURM_CONF"] = str(nodes.conf)
        try:
            with course.started("--on", "slurm", "--shard", "4") as process:
                until(lambda: _finished(course) > 0 and bool(nodes.jobs("node1")))
                nodes.lose("node1")
                # Slurm itself notices within half a minute.
                until(lambda: "BeginTime" in nodes.said("squeue", "-h", "-o", "%r"))
                nodes.release()
                said, _ = process.communicate(timeout=PATIENCE_SECONDS)
        finally:
            del os.environ["SLURM_CONF"]
    assert process.returncode == 0, said
    rows = course.results()
    assert len(rows) == STUDENTS
    ended = {(row["status"], row["score"], row["reason"]) for row in rows.values()}
    assert ended == {("graded", 3, "")}, ended
    assert any(row["provenance"]["restarts"] for row in rows.values())


def device_lost(course: Course) -> None:
    """A task that was queued again is given no GPU: that is our fault, and nobody's score."""
    course.neighbour("ann")
    settings = Settings(
        load(SHEETS / course.sheet),
        course.tier,
        stage_library(course.out / ".sandbox"),
        course.scratch,
        "digits",
        secret=b"of the course",
    )
    submissions = discover(course.hand_ins, unpack_to=course.root / "unpacked").submissions
    settings = replace(settings, place=Place("cuda"))
    bundle = write_bundle(course.root, submissions, settings, gpus=1)
    ended = _worker(bundle, course.out, {"SLURM_RESTART_COUNT": "1", "CUDA_VISIBLE_DEVICES": ""})
    assert ended.returncode == 2, ended.stderr
    (path,) = course.out.glob(f"*{SUFFIX}")
    found = delivered(path)
    assert found is not None
    assert (found.result.status, found.result.provenance.restarts) == ("infrastructure", 1)
    assert "asked for 1 GPU and was given 0" in found.result.reason
    assert found.result.verdicts == ()


def _worker(bundle: Path, out: Path, more: dict[str, str]) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "grader.cli", "worker", "--bundle", str(bundle)]
    environment = {**os.environ, "GRADER_SECRET": "of the course", **more}
    return subprocess.run(
        [*command, "--out", str(out)], env=environment, capture_output=True, text=True, check=False
    )


def _finished(course: Course) -> int:
    path = course.out / "grader.sqlite"
    if not path.exists():
        return 0
    with closing(connect(path)) as db:
        tables = db.execute("select name from sqlite_master where name = 'results'").fetchall()
        return int(db.execute("select count(*) from results").fetchone()[0]) if tables else 0
