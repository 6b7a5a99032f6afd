from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from grader import batch, cli
from grader.cli import app
from grader.errors import InfrastructureError
from grader.schedule import events
from grader.store import FILE

Invoke = Callable[..., Result]


@pytest.fixture
def grader(
    tmp_path: Path,
    library: Path,
    course_environment: None,
    monkeypatch: pytest.MonkeyPatch,
) -> Invoke:
    """Types a command; `run` gets an output folder and no isolation unless it says otherwise."""
    monkeypatch.setattr(batch, "stage_library", lambda _: library)

    def invoke(command: str, *arguments: object) -> Result:
        given = [command, *map(str, arguments)]
        if command == "run":
            given += ["--out", str(tmp_path / "out")]
            given += [] if "--isolation" in given else ["--isolation", "none"]
        return CliRunner().invoke(app, given)

    return invoke


def complaint(result: Result, status: int = 1) -> str:
    """The one line that says what is wrong."""
    assert result.exit_code == status, result.output
    assert isinstance(result.exception, SystemExit)
    (line,) = result.stderr.splitlines()
    assert line.startswith("grader: ")
    return line


def reasons(tmp_path: Path) -> dict[str, str]:
    rows = json.loads((tmp_path / "out/results.json").read_text())["submissions"]
    return {row["student_id"]: row["reason"] for row in rows if row["status"] == "unreadable"}


def test_help_imports_nothing_heavy() -> None:
    code = "import sys; from typer.testing import CliRunner; from grader.cli import app\n"
    code += "print(CliRunner().invoke(app, ['run', '--help']).output)\n"
    # Newer versions of typer import pydantic themselves, wherever it is installed.
    code += "heavy = {'torch', 'numpy', 'scipy', 'matplotlib', 'nbformat', 'rich', 'jinja2'}\n"
    code += "print(sorted(heavy & set(sys.modules)), file=sys.stderr)"
    helped = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert "Exit status: 0 all graded" in helped.stdout
    assert "[]" in helped.stderr


def test_a_graded_class_exits_with_zero(
    grader: Invoke, hand_in: Callable[..., Path], sums: Path, tmp_path: Path
) -> None:
    result = grader("run", hand_in("ann"), "--assignment", sums)
    assert result.exit_code == 0, result.output
    assert "mean 3.0 / 3" in result.stdout
    again = grader("report", tmp_path / "out")
    assert again.exit_code == 0
    out = tmp_path / "out"
    assert again.stdout.split() == [f"{out}/report/index.html", f"{out}/feedback/"]


def test_pages_for_students_stand_in_a_folder_of_their_own(
    grader: Invoke, hand_in: Callable[..., Path], sums: Path, tmp_path: Path
) -> None:
    grader("run", hand_in("ann"), "--assignment", sums, "--audience", "student")
    out = tmp_path / "out"
    assert [path.name for path in (out / "feedback").iterdir()] == ["ann.html"]
    assert not (out / "report").exists()
    assert grader("report", out, "--audience", "staff").exit_code == 0
    assert (out / "report" / "students" / "ann.html").is_file()
    assert [path.name for path in (out / "feedback").iterdir()] == ["ann.html"]


def test_a_missing_folder_is_one_line(grader: Invoke, tmp_path: Path) -> None:
    assert "There is no" in complaint(grader("run", tmp_path / "absent"))


def test_an_empty_folder_is_one_line(grader: Invoke, tmp_path: Path) -> None:
    (tmp_path / "class").mkdir()
    assert "No submissions in" in complaint(grader("run", tmp_path / "class"))


def test_a_file_that_is_nothing_to_grade_is_one_line(grader: Invoke, tmp_path: Path) -> None:
    (tmp_path / "grades.xlsx").write_text("")
    assert "neither a folder nor a zip nor" in complaint(grader("run", tmp_path / "grades.xlsx"))


def test_a_missing_assignment_is_one_line(grader: Invoke, hand_in: Callable[..., Path]) -> None:
    result = grader("run", hand_in("ann"), "--assignment", "vea")
    assert "no assignment 'vea'" in complaint(result)


def test_a_malformed_assignment_is_one_line(
    grader: Invoke, hand_in: Callable[..., Path], sums: Path
) -> None:
    (sums / "assignment.toml").write_text("title = 3")
    assert "assignment.toml: title:" in complaint(
        grader("run", hand_in("ann"), "--assignment", sums)
    )


def test_a_malformed_notebook_is_a_row(
    grader: Invoke, hand_in: Callable[..., Path], sums: Path, tmp_path: Path
) -> None:
    folder = hand_in("ann")
    (folder / "ann/sums.ipynb").write_text("{'not': json")
    result = grader("run", folder, "--assignment", sums)
    assert result.exit_code == 0, result.output
    assert "is not JSON (line 1" in reasons(tmp_path)["ann"]
    assert "Traceback" not in result.output


def test_a_link_in_the_place_of_a_notebook_is_never_opened(
    grader: Invoke, sums: Path, tmp_path: Path, hand_in: Callable[..., Path]
) -> None:
    secret = tmp_path / "secret.ipynb"
    (hand_in("ann") / "ann/sums.ipynb").rename(secret)
    (tmp_path / "class/ann/sums.ipynb").symlink_to(secret)
    result = grader("run", tmp_path / "class", "--assignment", sums)
    assert result.exit_code == 0, result.output
    assert "link" in reasons(tmp_path)["ann"]


def test_a_zip_that_climbs_out_writes_nothing_outside(
    grader: Invoke, sums: Path, tmp_path: Path, hand_in: Callable[..., Path]
) -> None:
    notebook = (hand_in("ann") / "ann/sums.ipynb").read_text()
    with zipfile.ZipFile(tmp_path / "class.zip", "w") as archive:
        archive.writestr("ann/sums.ipynb", notebook)
        archive.writestr("../../../escaped.ipynb", notebook)
    result = grader("run", tmp_path / "class.zip", "--assignment", sums)
    assert "Traceback" not in result.output
    assert result.exit_code in (0, 1)
    assert not list(tmp_path.parent.glob("escaped*"))
    assert not list(tmp_path.rglob("escaped*"))


def test_bubblewrap_that_is_not_installed_is_one_line(
    grader: Invoke, hand_in: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    line = complaint(grader("run", hand_in("ann"), "--isolation", "bwrap"))
    assert "bubblewrap is not installed" in line
    assert "apt-get install" in line
    auto = complaint(grader("run", hand_in("ann"), "--isolation", "auto"))
    assert "--isolation none" in auto


def test_containers_are_not_there_yet_in_one_line(
    grader: Invoke, hand_in: Callable[..., Path]
) -> None:
    line = complaint(grader("run", hand_in("ann"), "--isolation", "container"))
    assert "container" in line
    assert "bwrap" in line


def test_an_unknown_isolation_is_a_usage_error(grader: Invoke) -> None:
    assert grader("run", "class", "--isolation", "hope").exit_code == 2  # click's own status


def test_failures_of_ours_exit_with_two(
    grader: Invoke, hand_in: Callable[..., Path], sums: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_pending: object, _settings: object, _jobs: int, tell: Callable[..., None]) -> None:
        tell(events.Failed("ann", "the worker died"))

    monkeypatch.setattr(batch, "run_all", broken)
    result = grader("run", hand_in("ann"), "--assignment", sums)
    assert result.exit_code == 2
    assert "the worker died" in result.stdout


def test_a_full_disk_exits_with_two(
    grader: Invoke, hand_in: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise InfrastructureError("the results cannot be written")

    monkeypatch.setattr(batch, "run_batch", full)
    assert "cannot be written" in complaint(grader("run", hand_in("ann")), status=2)


def test_ctrl_c_exits_with_130(
    grader: Invoke, hand_in: Callable[..., Path], sums: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(batch, "run_all", interrupted)
    result = grader("run", hand_in("ann"), "--assignment", sums)
    assert result.exit_code == 130
    assert "stopped; 0 results are kept; the same command goes on" in result.stdout
    monkeypatch.setattr(batch, "discover", interrupted)
    assert complaint(grader("run", hand_in("ann"), "--assignment", sums), status=130)


def test_a_message_is_one_line_whatever_it_holds(
    grader: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    def hostile(*_: object) -> None:
        raise InfrastructureError("one\ntwo\x1b[2J\u202ethree")

    monkeypatch.setattr(batch, "run_batch", hostile)
    assert complaint(grader("run", "x"), status=2) == "grader: one two [2J three"


def test_a_report_of_nothing_is_one_line(grader: Invoke, tmp_path: Path) -> None:
    assert "holds no results" in complaint(grader("report", tmp_path))
    (tmp_path / FILE).write_text("no database, but long enough to be taken for one " * 10)
    assert "not a database" in complaint(grader("report", tmp_path))


def test_the_command_is_installed() -> None:
    found = subprocess.run(
        [sys.executable, "-m", "grader.cli", "--help"],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"COLUMNS": "100"},
    )
    for command in ("run", "check", "report", "doctor", "new"):
        assert f"  {command} " in found.stdout
    assert cli.INTERRUPTED == 130
