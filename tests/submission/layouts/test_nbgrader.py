from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from grader.submission import Submission, discover

Write = Callable[..., Path]


def found(tmp_path: Path, name: str = "course") -> tuple[str, list[Submission]]:
    result = discover(tmp_path / name, unpack_to=tmp_path / "out")
    return result.layout, list(result.submissions)


@pytest.mark.parametrize("source", ["course", "course/submitted"])
def test_the_submitted_folder_and_the_course_around_it(
    tmp_path: Path, write: Write, source: str
) -> None:
    submitted = tmp_path / "course/submitted"
    write(submitted / "jane/vae/vae.ipynb")
    write(submitted / "jane/vae/timestamp.txt", "2025-03-01 22:15:30.000001 UTC\n")
    write(submitted / "roe/vae/vae.ipynb")
    write(tmp_path / "course/gradebook.db", "")
    layout, (jane, roe) = found(tmp_path, source)
    assert layout == "nbgrader"
    assert (jane.student_id, jane.notebook) == ("jane", submitted / "jane/vae/vae.ipynb")
    assert jane.submitted_at == datetime(2025, 3, 1, 22, 15, 30, tzinfo=UTC)
    assert roe.submitted_at is None


@pytest.mark.parametrize(
    ("text", "offset_hours"),
    [("2025-07-01 12:00:00", 0), ("2025-07-01 12:00:00 Europe/Amsterdam", 2)],
)
def test_a_time_stamp_has_a_zone(
    tmp_path: Path, write: Write, text: str, offset_hours: int
) -> None:
    write(tmp_path / "course/jane/vae/vae.ipynb")
    write(tmp_path / "course/jane/vae/timestamp.txt", text)
    layout, (jane,) = found(tmp_path)
    assert layout == "nbgrader"
    assert jane.submitted_at is not None
    assert jane.submitted_at.utcoffset() == timedelta(hours=offset_hours)


@pytest.mark.parametrize(
    "text",
    [
        "yesterday",
        "2025-13-01 12:00:00",
        "2025-07-01 12:00:00 ../../etc",
        "2025-07-01 12:00:00 No/Such_Zone",
        "é",
        "x" * 300,
    ],
)
def test_a_malformed_time_stamp_is_no_time(tmp_path: Path, write: Write, text: str) -> None:
    write(tmp_path / "course/jane/vae/vae.ipynb")
    write(tmp_path / "course/jane/vae/timestamp.txt", text)
    _, (jane,) = found(tmp_path)
    assert (jane.problem, jane.submitted_at) == (None, None)


def test_a_link_as_time_stamp_is_not_followed(tmp_path: Path, write: Write) -> None:
    write(tmp_path / "course/jane/vae/vae.ipynb")
    secret = write(tmp_path / "secret", "2025-07-01 12:00:00")
    (tmp_path / "course/jane/vae/timestamp.txt").symlink_to(secret)
    _, (jane,) = found(tmp_path)
    assert jane.submitted_at is None


def test_without_a_time_stamp_only_the_name_submitted_tells(tmp_path: Path, write: Write) -> None:
    write(tmp_path / "course/submitted/jane/vae/vae.ipynb")
    write(tmp_path / "other/jane/vae/vae.ipynb")
    assert found(tmp_path)[0] == "nbgrader"
    assert found(tmp_path, "other")[0] == "plain"


def test_several_assignments_of_a_student_ask_for_a_choice(tmp_path: Path, write: Write) -> None:
    for assignment in ("ddpm", "vae"):
        write(tmp_path / f"course/submitted/jane/{assignment}/hw.ipynb")
    _, (jane,) = found(tmp_path)
    assert "2 notebooks (ddpm/hw.ipynb, vae/hw.ipynb)" in str(jane.problem)
