from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from grader.cli import app
from grader.errors import UsageError
from grader.skeleton import make


def test_every_file_carries_the_name_of_the_new_assignment(tmp_path: Path) -> None:
    folder = make(tmp_path / "my_topic")
    texts = [path.read_text("utf-8") for path in folder.rglob("*") if path.is_file()]
    assert not any("ASSIGNMENT_NAME" in text for text in texts)
    notebook = json.loads((folder / "notebook.ipynb").read_text("utf-8"))
    assert notebook["metadata"]["grader"]["assignment"] == "my_topic"


@pytest.mark.parametrize("name", ["my topic", "1st", "a-b"])
def test_a_name_that_is_none_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="no name"):
        make(tmp_path / name)


def test_what_is_there_is_never_written_over(tmp_path: Path) -> None:
    (tmp_path / "my_topic").mkdir()
    result = CliRunner().invoke(app, ["new", str(tmp_path / "my_topic")])
    assert result.exit_code == 1
    assert "choose another" in result.stderr


def test_the_skeleton_audits_clean(tmp_path: Path) -> None:
    folder = make(tmp_path / "my_topic")
    result = CliRunner().invoke(app, ["audit", str(folder), "--json"])
    assert result.exit_code == 0
    report = json.loads(result.stdout)
    assert {row["id"] for row in report["mistakes"] if row["killed_by"]} == {
        "log-mean-exp/mean-of-logs",
        "log-mean-exp/overflows",
    }


@pytest.mark.sandbox
def test_the_skeleton_is_graded_as_it_stands(tmp_path: Path) -> None:
    folder = make(tmp_path / "my_topic")
    out = tmp_path / "out"
    command = ["run", str(folder / "submissions"), "--assignment", str(folder), "--out", str(out)]
    assert CliRunner().invoke(app, command).exit_code == 0
    rows = json.loads((out / "results.json").read_text("utf-8"))["submissions"]
    assert {row["student_id"]: row["score"] for row in rows} == {"mean-of-logs": 1.0, "right": 3.0}
