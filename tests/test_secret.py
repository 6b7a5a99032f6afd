from __future__ import annotations

from pathlib import Path

import pytest

from grader.secret import course_secret


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("GRADER_SECRET", raising=False)
    monkeypatch.setattr("typer.get_app_dir", lambda _: str(tmp_path / "config"))
    return tmp_path / "config" / "course-secret"


def test_the_variable_is_taken_first(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRADER_SECRET", "of the course")
    assert course_secret() == b"of the course"
    assert not file.exists()


def test_a_secret_is_made_once_and_for_its_owner_only(file: Path) -> None:
    made = course_secret()
    assert len(bytes.fromhex(made.decode())) == 32
    assert course_secret() == made
    assert file.stat().st_mode & 0o077 == 0
    assert [path.name for path in file.parent.iterdir()] == ["course-secret"]


def test_two_users_have_two_secrets(file: Path) -> None:
    first = course_secret()
    file.unlink()
    assert course_secret() != first


def test_a_secret_that_another_run_makes_at_the_same_time_is_taken(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lost(self: Path, _target: str) -> None:
        self.write_bytes(b"of the other run")
        raise FileExistsError

    monkeypatch.setattr(Path, "hardlink_to", lost)
    assert course_secret() == b"of the other run"


def test_without_a_place_for_it_seeds_are_public(file: Path) -> None:
    file.parent.write_text("no folder")
    assert course_secret() == b""


def test_a_secret_that_cannot_be_read_leaves_seeds_public(file: Path) -> None:
    file.mkdir(parents=True)
    assert course_secret() == b""
