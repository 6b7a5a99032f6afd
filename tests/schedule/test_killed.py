"""The scheduler is killed at a hundred random moments: no result is lost, none comes twice."""

from __future__ import annotations

import contextlib
import csv
import json
import multiprocessing
import random
import shutil
import sqlite3
import time
from pathlib import Path

import pytest

from grader.batch import Options, run_batch
from grader.errors import UsageError
from grader.schedule import local
from grader.store import FILE, Store
from tests.schedule.test_local import SLOW

KILLS = 100
STUDENTS = 60
# Of the time from the first result to the last, so that a run is killed several times over.
LONGEST_PART = 0.25
PATIENCE_SECONDS = 60
_FORKS = multiprocessing.get_context("forkserver")


class Nobody:
    """A display that shows nothing."""

    def begin(self, plan: object) -> None: ...

    def tell(self, event: object) -> None: ...

    def end(self) -> None: ...


def grade(source: Path, assignment: Path, out: Path) -> None:
    """A scheduler of its own, whose workers are forked from it: nothing is imported anew."""
    local._FORKS = multiprocessing.get_context("fork")  # type: ignore[assignment]
    options = Options(source, out, assignment=str(assignment), jobs=2, isolation="none")
    run_batch(options, Nobody())


@pytest.fixture
def course(tmp_path: Path, sums: Path, library: Path, course_environment: None) -> Path:
    """Nobody says which of two notebooks counts; questions that need none are checked, at once."""
    (sums / "checks.py").write_text(SLOW.replace("0.3", "0.02"), "utf-8")
    toml = (sums / "assignment.toml").read_text("utf-8").splitlines()
    kept = [line for line in toml if not line.startswith("function")]
    (sums / "assignment.toml").write_text("\n".join(kept), "utf-8")
    for number in range(STUDENTS):
        folder = tmp_path / "class" / f"student{number:02}"
        folder.mkdir(parents=True)
        for name in ("a.ipynb", "b.ipynb"):
            (folder / name).write_text("{}", "utf-8")
    _FORKS.set_forkserver_preload(["torch", "grader.batch", "reports", __name__])
    return tmp_path


def fresh(course: Path, library: Path, name: str) -> Path:
    """Where a run writes, with a list of fonts, which takes seconds to make."""
    shutil.copytree(library / "matplotlib", course / name / ".sandbox/matplotlib")
    return course / name


def started(course: Path, out: Path) -> multiprocessing.process.BaseProcess:
    process = _FORKS.Process(target=grade, args=(course / "class", course / "sums", out))
    process.start()
    return process


def opens(out: Path) -> bool:
    with contextlib.suppress(UsageError), Store(out):
        return True
    return False


def kept(out: Path) -> dict[str, tuple[str, ...]]:
    """Rows of the results, from a store that opens and is whole."""
    if not (out / FILE).exists():
        return {}
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not opens(out) and time.monotonic() < deadline:
        time.sleep(0.02)  # workers that have not noticed yet hold the lock as well
    with Store(out):
        pass
    return kept_by_now(out)


def kept_by_now(out: Path) -> dict[str, tuple[str, ...]]:
    """The same while somebody writes."""
    if not (out / FILE).exists():
        return {}
    with contextlib.closing(sqlite3.connect(out / FILE, timeout=PATIENCE_SECONDS)) as db:
        if not db.execute("select 1 from sqlite_master where name = 'results'").fetchall():
            return {}
        assert db.execute("pragma integrity_check").fetchall() == [("ok",)]
        rows = db.execute("select student_id, key, result, finished_at from results").fetchall()
    assert len({row[0] for row in rows}) == len(rows)
    return {row[0]: row for row in rows}


def until(process: multiprocessing.process.BaseProcess, out: Path, count: int) -> float:
    """Seconds from now until so many results are there."""
    began = time.monotonic()
    while len(kept_by_now(out)) < count and process.is_alive():
        time.sleep(0.05)
    return time.monotonic() - began


def require_complete(out: Path) -> None:
    names = {f"student{number:02}" for number in range(STUDENTS)}
    rows = json.loads((out / "results.json").read_text("utf-8"))["submissions"]
    assert sorted(row["student_id"] for row in rows) == sorted(names)
    assert {len(row["verdicts"]) for row in rows} == {2}
    with (out / "grades.csv").open(newline="", encoding="utf-8") as file:
        assert sum(1 for _ in csv.DictReader(file)) == STUDENTS


@pytest.mark.slow
def test_a_hundred_kills_lose_no_result_and_double_none(course: Path, library: Path) -> None:
    seed = random.SystemRandom().randrange(1 << 32)
    chance = random.Random(seed)
    out = fresh(course, library, "first")
    whole = started(course, out)
    span = until(whole, out, 1) + until(whole, out, STUDENTS) * LONGEST_PART
    whole.join()
    require_complete(out)
    print(f"random.Random({seed}), moments within {span:.1f} s")
    out, known, ended, halfway = fresh(course, library, "out"), {}, 0, 0
    for kill in range(KILLS):
        process = started(course, out)
        time.sleep(chance.uniform(0, span))
        process.kill()
        process.join()
        now = kept(out)
        # What was finished stands as it was: not a byte of it has been written again.
        assert {name: now.get(name) for name in known} == known, (seed, kill)
        halfway += 0 < len(now) < STUDENTS
        known = now
        if len(now) == STUDENTS:
            started(course, out).join()
            require_complete(out)
            assert kept(out) == known
            out, known, ended = fresh(course, library, f"out{kill}"), {}, ended + 1
    print(f"{KILLS} kills, {halfway} in the middle, {ended} runs of {STUDENTS} came to their end")
    assert halfway >= KILLS / 10
    started(course, out).join()
    final = kept(out)
    assert {name: final[name] for name in known} == known
    require_complete(out)
