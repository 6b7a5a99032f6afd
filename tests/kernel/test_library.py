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


def test_the_font_cache_is_built_once(library: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert list((library / "matplotlib").glob("fontlist-*.json"))
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: pytest.fail("built again"))
    stage_library(library)
