"""The server of a review: on this machine alone, until somebody stops it."""

from __future__ import annotations

import getpass
import os
import socket
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import uvicorn

from grader.batch import write_outputs
from grader.errors import GraderError, UsageError
from grader.review.app import application
from grader.review.desk import laid_out
from grader.review.door import Door
from grader.store import FILE, Store
from reports.typeset import label

_LOOPBACK = "127.0.0.1"


def serve(
    folder: Path, port: int, authors: Sequence[str], blind: bool, tell: Callable[[str], None]
) -> None:
    """Serves the review of a run until it is stopped; then writes grades and report.

    Args:
        folder: the `--out` of a run.
        port: 0 takes a free one.
        authors: markers, an address for each; whoever is logged in where there are none.
        blind: whether names are withheld.
        tell: shows a line to the person at the keyboard.

    Raises:
        UsageError: there are no results, or the port is taken.
    """
    if not (folder / FILE).is_file():
        raise UsageError(f"{folder} holds no results; `grader run SUBMISSIONS` makes them")
    desk = laid_out(folder, blind)

    def write() -> str:
        told = written(folder)
        tell(told)
        return told

    with _listening(port) as listener:
        door = Door(listener.getsockname()[1])
        for author in [label(author) for author in authors] or [_logged_in()]:
            tell(f"{author}: {door.invite(author)}")
        tell("each address opens once; Ctrl-C ends the review and writes grades and report")
        config = uvicorn.Config(
            application(desk, door, write),
            log_level="warning",
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=5,
        )
        with suppress(KeyboardInterrupt):
            uvicorn.Server(config).run([listener])


def written(folder: Path) -> str:
    """Writes grades and report anew; says where they are, or why they could not be written."""
    try:
        with Store(folder) as store:
            write_outputs(store, folder)
    except GraderError as error:
        return f"not written: {error}; the marks are kept, `grader report {folder}` writes them"
    return f"{folder}/report/index.html and {folder}/grades.csv are up to date"


def _listening(port: int) -> socket.socket:
    try:
        return socket.create_server((_LOOPBACK, port))
    except (OSError, OverflowError) as error:
        raise UsageError(f"port {port} cannot be used ({error}); choose another --port") from error


def _logged_in() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # no such user in the system's table, as in a container
        return f"user {os.getuid()}"
