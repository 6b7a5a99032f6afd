"""The first program in the sandbox: takes its limits, then becomes the student's kernel.

Started as `python -I boot.py '{"mode": ...}'`. Everything here runs before any of the
student's code does; afterwards nothing here can be relied upon.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import select
import shutil
import signal
import socket
import sys
import tarfile
from pathlib import Path
from typing import Any

LIBRARY = str(Path(__file__).parents[3])


def main() -> None:
    """Starts what the command line asks for."""
    sys.path.insert(0, LIBRARY)
    start(json.loads(sys.argv[1]))


def start(settings: dict[str, Any]) -> None:
    """Sets the process up and hands over to the kernel or to the definitions."""
    _end_with_parent()
    if "lifeline_fd" in settings:
        _require_starter(settings["lifeline_fd"])
    _limit(settings)
    _drop_privileges(settings["user_id"])
    if "archive_fd" in settings:
        _unpack_work_folder(settings["archive_fd"])
    _fill_work_folder(Path(settings["submission"]) if settings["submission"] else None)
    # A fork has the list in its memory.
    if "matplotlib.font_manager" not in sys.modules:
        fill_font_cache()
    sys.argv = [""]
    if settings["mode"] == "kernel":
        from grader.kernel.inside.kernel import run_kernel

        run_kernel(settings)
    elif settings["mode"] == "definitions":
        from grader.kernel.inside.definitions import run_definitions

        run_definitions(socket.socket(fileno=settings["channel_fd"]))
    else:
        from grader.kernel.inside.probe import run_probe

        run_probe(socket.socket(fileno=settings["channel_fd"]), settings["secret"])


def _end_with_parent() -> None:
    # bubblewrap sees to this itself; without it the driver's end would leave the kernel behind.
    if sys.platform == "linux":
        pr_set_pdeathsig = 1
        ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)


def _require_starter(lifeline_fd: int) -> None:
    """Ends where nobody is left who would: whoever started this may be gone already."""
    with open(lifeline_fd, "rb") as lifeline:
        waiting = select.poll()
        waiting.register(lifeline, 0)
        if waiting.poll(0):  # the other end is closed
            sys.exit(1)


def _limit(settings: dict[str, Any]) -> None:
    # RLIMIT_DATA counts private writable memory: a failed allocation is then a MemoryError in the
    # student's cell. RLIMIT_AS would count the gigabytes of address space that torch only maps.
    for which, value in (
        (resource.RLIMIT_DATA, settings["memory"]),
        (resource.RLIMIT_FSIZE, settings["disk"]),
        (resource.RLIMIT_NPROC, settings["processes"]),
        (resource.RLIMIT_NOFILE, 1024),
        (resource.RLIMIT_CORE, 0),
    ):
        _lower(which, value)


def _lower(which: int, value: int) -> None:
    _, hard = resource.getrlimit(which)
    bound = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(which, (bound, bound))


def _drop_privileges(user_id: int | None) -> None:
    if user_id is None:
        return
    os.setgroups([])
    os.setresgid(user_id, user_id, user_id)
    os.setresuid(user_id, user_id, user_id)


def _fill_work_folder(submission: Path | None) -> None:
    if submission is None:
        return
    for path in sorted(submission.rglob("*")):
        target = Path.cwd() / path.relative_to(submission)
        if path.is_symlink():
            continue
        if path.is_dir():
            target.mkdir(exist_ok=True)
        elif path.is_file():
            shutil.copyfile(path, target)


def _unpack_work_folder(archive_fd: int) -> None:
    """Where the submission's folder cannot be in view, the grader sends its plain files."""
    with os.fdopen(archive_fd, "rb") as file, tarfile.open(fileobj=file, mode="r|") as archive:
        for member in archive:
            target = Path.cwd() / member.name
            content = archive.extractfile(member) if member.isfile() else None
            if content is None:
                target.mkdir(exist_ok=True)
            else:
                with target.open("xb") as copy:
                    shutil.copyfileobj(content, copy)


def fill_font_cache() -> None:
    """Brings matplotlib's list of fonts, which every submission would spend seconds on making."""
    cache = Path(LIBRARY) / "matplotlib"
    target = Path(os.environ["MPLCONFIGDIR"])
    if cache.is_dir():
        target.mkdir(parents=True, exist_ok=True)
        for path in cache.iterdir():
            shutil.copyfile(path, target / path.name)


if __name__ == "__main__":
    main()
