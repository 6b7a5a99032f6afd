"""The staged copy of the part of grader that a sandbox sees."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

_PACKAGE = Path(__file__).parents[1]
_SHARED = ("__init__.py", "errors.py", "wire", "kernel/__init__.py", "kernel/inside")


def stage_library(folder: Path) -> Path:
    """Copies what runs inside, and matplotlib's font cache, which takes seconds to build.

    Returns:
        The folder that goes into `Sandbox.library`; readable by every user.
    """
    for name in _SHARED:
        source, target = _PACKAGE / name, folder / "grader" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(source, target, dirs_exist_ok=True, ignore=ignored)
        else:
            shutil.copyfile(source, target)
    _build_font_cache(folder / "matplotlib")
    for path in [folder, *folder.rglob("*")]:
        path.chmod(0o755 if path.is_dir() else 0o644)
    return folder


def _build_font_cache(folder: Path) -> None:
    if any(folder.glob("fontlist-*.json")):
        return
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(
        [sys.executable, "-c", "import matplotlib.font_manager"],
        env={"PATH": os.defpath, "MPLCONFIGDIR": str(folder), "HOME": str(folder)},
        capture_output=True,
        check=False,  # without the cache notebooks are slower, not wrong
    )
