"""A verdict can be had again from its token, here or on another machine."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from grader import batch
from grader.batch import Options, run_batch
from grader.cli import app
from tests.conftest import HALF
from tests.schedule.test_cluster import Silent

# What is drawn depends on the course's secret and on nothing else.
DRAWN = '''
import numpy as np
from grader.checks import Subject, check, expect_close


@check("one", points=1)
def one_is_one(subject: Subject) -> None:
    """One is one."""
    expect_close(subject.call("one"), 1.0)


@check("two", points=2)
def two_is_what_was_drawn(subject: Subject, seed) -> None:
    """Two is a number that nobody knows."""
    drawn = float(np.random.default_rng(seed("two")).normal())
    expect_close(subject.call("two"), drawn, given={"drawn": drawn})
'''


@pytest.fixture
def graded(
    hand_in: Callable[..., Path],
    sums: Path,
    library: Path,
    tmp_path: Path,
    course_environment: None,
    monkeypatch: pytest.MonkeyPatch,
) -> Path:
    """A run of two students, and its folder."""
    monkeypatch.setattr(batch, "stage_library", lambda _: library)
    (sums / "checks.py").write_text(DRAWN, "utf-8")
    hand_in("ann")
    folder = hand_in("bob", HALF)
    options = Options(folder, tmp_path / "out", str(sums), jobs=1, isolation="none")
    run_batch(options, Silent())
    return tmp_path / "out"


def verdict(folder: Path, student: str) -> dict[str, object]:
    rows = json.loads((folder / "results.json").read_text("utf-8"))["submissions"]
    (row,) = (row for row in rows if row["student_id"] == student)
    return next(v for v in row["verdicts"] if v["check"] == "two_is_what_was_drawn")


def replayed(*arguments: object) -> tuple[int, str]:
    ended = CliRunner().invoke(app, ["replay", *map(str, arguments)])
    return ended.exit_code, ended.output


def test_a_token_gives_the_same_evidence_again(graded: Path) -> None:
    kept = verdict(graded, "bob")
    status, said = replayed(kept["replay"], "--run", graded)
    assert status == 0, said
    assert "bob: two, two_is_what_was_drawn" in said
    assert f"counterexample: {json.dumps(kept['counterexample'], sort_keys=True)}" in said
    assert said.endswith("the same as it was kept\n")


def test_tokens_tell_students_apart(graded: Path) -> None:
    assert verdict(graded, "ann")["replay"] != verdict(graded, "bob")["replay"]


def test_a_run_that_was_moved_is_replayed_where_it_is_now(graded: Path, tmp_path: Path) -> None:
    token = verdict(graded, "bob")["replay"]
    moved = shutil.move(graded, tmp_path / "elsewhere")
    shutil.move(tmp_path / "class", tmp_path / "hand-ins")
    status, said = replayed(token, "--run", moved)
    assert status == 1
    assert "name them with --submissions" in said
    status, said = replayed(token, "--run", moved, "--submissions", tmp_path / "hand-ins")
    assert status == 0, said


def test_another_verdict_is_no_success(graded: Path, sums: Path) -> None:
    token = verdict(graded, "bob")["replay"]
    lenient = DRAWN.replace('subject.call("two"), drawn', "drawn, drawn")
    (sums / "checks.py").write_text(lenient, "utf-8")
    status, said = replayed(token, "--run", graded)
    assert status == 1
    assert "it was kept as failed, 0 of 2" in said


def test_what_cannot_be_replayed_says_why(
    graded: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = verdict(graded, "bob")["replay"]
    assert "is not a replay token" in replayed("x", "--run", graded)[1]
    assert "holds no results" in replayed(token, "--run", tmp_path)[1]
    (tmp_path / "class/bob/sums.ipynb").write_text("{}")
    assert "holds another hand-in of bob" in replayed(token, "--run", graded)[1]
    monkeypatch.setenv("GRADER_SECRET", "another")
    assert "another course secret: share it as GRADER_SECRET" in replayed(token, "--run", graded)[1]
