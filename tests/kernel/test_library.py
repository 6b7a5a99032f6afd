from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from grader.kernel.library import stage_library


def test_only_the_wire_and_the_inside_are_staged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(*args: object, **options: object) -> subprocess.CompletedProcess[bytes]:
        return subprocess.CompletedProcess([], 0)

    monkeypatch.setattr(subprocess, "run", run)
    folder = stage_library(tmp_path / "library")
    names = {str(path.relative_to(folder)) for path in folder.rglob("*.py")}
    assert "grader/kernel/inside/boot.py" in names
    secret = ("checks", "run.py", "session.py", "remote.py", "data", "assignment", "reference")
    assert not [name for name in names if any(part in name for part in secret)]
    assert all(path.stat().st_mode & 0o005 for path in folder.rglob("*"))


def test_what_is_staged_imports_alone(library: Path) -> None:
    program = (
        f"import sys; sys.path.insert(0, {str(library)!r}); sys.modules['torch'] = None\n"
        "import grader.kernel.inside.serve, grader.kernel.inside.definitions as d\n"
        "print(d.__file__)"
    )
    found = subprocess.run(
        [sys.executable, "-I", "-c", program], capture_output=True, text=True, check=True
    )
    assert found.stdout.startswith(str(library))


def test_the_font_cache_is_built_once_for_a_user(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (built,) = (stage_library(tmp_path / "first") / "matplotlib").glob("fontlist-*.json")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: pytest.fail("built again"))
    (copied,) = (stage_library(tmp_path / "second") / "matplotlib").glob("fontlist-*.json")
    assert (copied.name, copied.read_bytes()) == (built.name, built.read_bytes())
    stage_library(tmp_path / "first")


def test_a_home_that_cannot_be_written_to_costs_time_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "cache").write_text("a file in its place")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert list((stage_library(tmp_path / "library") / "matplotlib").glob("fontlist-*.json"))
