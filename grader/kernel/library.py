"""The staged copy of the part of grader that a sandbox sees."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import platformdirs

_PACKAGE = Path(__file__).parents[1]
_FONTS = "fontlist-*.json"
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
    _bring_font_cache(folder / "matplotlib")
    for path in [folder, *folder.rglob("*")]:
        path.chmod(0o755 if path.is_dir() else 0o644)
    return folder


def _bring_font_cache(folder: Path) -> None:
    """The same for all runs of a user: it lists what this machine has, and takes a second."""
    if any(folder.glob(_FONTS)):
        return
    folder.mkdir(parents=True, exist_ok=True)
    kept = platformdirs.user_cache_path("grader") / "fonts" / _matplotlib_version()
    for path in kept.glob(_FONTS):
        shutil.copyfile(path, folder / path.name)
    if any(folder.glob(_FONTS)):
        return
    _build_font_cache(folder)
    # A home that cannot be written to only has the next run build it again.
    with contextlib.suppress(OSError):
        kept.mkdir(parents=True, exist_ok=True)
        for path in folder.glob(_FONTS):
            with tempfile.NamedTemporaryFile(dir=kept, delete=False) as partial:
                partial.write(path.read_bytes())
            Path(partial.name).replace(kept / path.name)


def _matplotlib_version() -> str:
    try:
        return version("matplotlib")
    except PackageNotFoundError:
        return "none"


def _build_font_cache(folder: Path) -> None:
    subprocess.run(
        [sys.executable, "-c", "import matplotlib.font_manager"],
        env={"PATH": os.defpath, "MPLCONFIGDIR": str(folder), "HOME": str(folder)},
        capture_output=True,
        check=False,  # without the cache notebooks are slower, not wrong
    )
