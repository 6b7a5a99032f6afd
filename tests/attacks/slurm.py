"""A run as a job of Slurm's, whose node is taken away in the middle."""

from __future__ import annotations

import shlex
import sqlite3
import subprocess
import time
from collections.abc import Callable
from contextlib import closing
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.attacks.course import Course

STUDENTS = 12
PATIENCE_SECONDS = 900


def requeued(course: Course, first: str = "", later: str = "") -> None:
    """Queues the run again once it has a result; it must go on from there.

    Args:
        course: without hand-ins so far.
        first: line of the job's script before the run, at its first start.
        later: the same, at every further start.
    """
    for number in range(STUDENTS):
        course.neighbour(f"student{number:02}")
    script = course.root / "job.sh"
    started_again = 'if [ "${SLURM_RESTART_COUNT:-0}" -gt 0 ]; then'
    lines = [started_again, later or ":", "else", first or ":", "fi", shlex.join(course.command())]
    script.write_text("\n".join(["#!/bin/sh", *lines, ""]), "utf-8")
    job = _said("sbatch", "--parsable", "--requeue", "--cpus-per-task=2", str(script))
    try:
        _until(lambda: _finished(course) > 0)
        _said("scontrol", "requeue", job)
        _until((course.out / "results.json").exists)
    finally:
        _said("scancel", job)
    rows = course.results()
    assert len(rows) == STUDENTS
    assert {(row["status"], row["score"]) for row in rows.values()} == {("graded", 3)}


def _said(*command: str) -> str:
    ended = subprocess.run(command, check=True, capture_output=True, text=True)
    return ended.stdout.strip().partition(";")[0]


def _finished(course: Course) -> int:
    path = course.out / "grader.sqlite"
    if not path.exists():
        return 0
    with closing(sqlite3.connect(path)) as db:
        tables = db.execute("select name from sqlite_master where name = 'results'").fetchall()
        return int(db.execute("select count(*) from results").fetchone()[0]) if tables else 0


def _until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.5)
