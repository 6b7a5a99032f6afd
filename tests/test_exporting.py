from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from grader.checks.verdict import Outcome, Verdict
from grader.cli import app
from grader.export.formats import Format
from grader.results import SubmissionResult
from grader.store import Store


@pytest.fixture
def graded(sums: Path, tmp_path: Path) -> Path:
    """A run of two students, as it lies on disk."""
    out = tmp_path / "graded"
    out.mkdir()
    with Store(out) as store:
        store.set_fact("assignment", str(sums))
        store.set_fact("sentences", json.dumps({"one/zero": "Nothing is not one."}))
        for student, points in (("kim", 1.0), ("lee", 0.0)):
            verdict = Verdict(
                "one", "one_is_one", Outcome.FAILED, points, 1, mistakes=("one/zero",)
            )
            store.begin(student)
            store.add_result("k", SubmissionResult(student, student, "sums", "graded", (verdict,)))
    return out


Exported = Callable[..., tuple[int, str, str]]


def exported(folder: Path, *options: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["export", str(folder), *options])
    return result.exit_code, result.stdout, result.stderr


@pytest.mark.parametrize("format", [f for f in Format if f is not Format.GRADESCOPE])
def test_every_format_is_written_from_a_run(graded: Path, tmp_path: Path, format: Format) -> None:
    out = tmp_path / "new" / "grades"
    status, _, told = exported(graded, "--format", format.value, "--out", str(out))
    assert (status, told.strip()) == (0, str(out))
    assert "kim" in out.read_text("utf-8")


def test_gradescope_gets_a_file_each_and_the_autograder(graded: Path, tmp_path: Path) -> None:
    out = tmp_path / "gradescope"
    status, _, told = exported(graded, "--format", "gradescope", "--out", str(out))
    assert status == 0
    assert "3 files" in told
    assert {path.name for path in out.iterdir()} == {"kim.json", "lee.json", "autograder.zip"}


def test_github_annotations_are_printed(graded: Path, tmp_path: Path) -> None:
    _, printed, _ = exported(graded, "--format", "github", "--out", str(tmp_path / "summary.md"))
    assert printed.count("::error title=one") == 2


def test_who_is_missing_and_who_is_a_stranger_is_told(graded: Path, tmp_path: Path) -> None:
    roster = tmp_path / "students.csv"
    roster.write_text("id,name\nkim,Kim\npat,Pat\n", "utf-8")
    options = ["--format", "csv", "--out", str(tmp_path / "x.csv"), "--roster", str(roster)]
    _, _, told = exported(graded, *options)
    assert "1 handed in nothing: Pat" in told
    assert "1 are not on the roster and are left out: lee (lee)" in told


@pytest.mark.parametrize(
    ("folder", "options", "said"),
    [
        ("nothing", [], "holds no results"),
        ("graded", ["--roster", "gone.csv"], "gone.csv cannot be read"),
    ],
)
def test_what_cannot_be_exported_is_one_sentence(
    graded: Path, tmp_path: Path, folder: str, options: list[str], said: str
) -> None:
    command = ["--format", "csv", "--out", str(tmp_path / "x.csv"), *options]
    status, _, told = exported(tmp_path / folder, *command)
    assert status == 1
    assert said in told


def test_a_place_that_cannot_be_written_is_told(graded: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    options = ["--format", "csv", "--out", str(tmp_path / "file" / "x.csv")]
    status, _, told = exported(graded, *options)
    assert status == 1
    assert "choose another --out" in told
