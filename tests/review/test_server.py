from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest
from typer.testing import CliRunner

from grader.cli import app
from grader.marks import Marks
from grader.review.server import written
from grader.store import FILE, Store
from tests.review import evening


def test_without_results_there_is_nothing_to_review(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["review", str(tmp_path)])
    assert done.exit_code == 1
    assert "holds no results" in done.output


def test_a_port_in_use_is_told(out: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = CliRunner().invoke(app, ["review", str(out), "--port", port])
    assert done.exit_code == 1
    assert f"port {port} cannot be used" in done.output


def test_a_run_that_is_still_going_on_is_waited_for(out: Path) -> None:
    with Store(out):
        done = CliRunner().invoke(app, ["review", str(out)])
    assert done.exit_code == 1
    assert "another run is writing" in done.output


def test_grades_and_report_follow_the_marks(out: Path) -> None:
    evening.half_done(out)
    assert "up to date" in written(out)
    rows = json.loads((out / "results.json").read_text("utf-8"))["submissions"]
    assert [row["score"] for row in rows] == [6, 5]
    page = (out / "report" / "students" / "s1002.html").read_text("utf-8")
    assert "Decided by Ann" in page
    assert "The sheet had the factor wrong." in page
    assert "What the checks had said; it no longer counts" in page
    assert "Smallest input that fails" in page
    assert "A right answer fails" not in page.partition("Decided by Ann")[2].partition("</li>")[0]


def test_what_cannot_be_written_now_is_said_and_the_marks_are_kept(out: Path) -> None:
    evening.half_done(out)
    with Store(out):
        assert "grader report" in written(out)
    assert sum(map(len, Marks(out / FILE).by_place().values())) == 5


@pytest.mark.parametrize("option", [["--port", "70000"], ["--port", "-1"]])
def test_a_port_is_a_port(out: Path, option: list[str]) -> None:
    assert CliRunner().invoke(app, ["review", str(out), *option]).exit_code == 2
