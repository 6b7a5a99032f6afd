"""Tier `warm`: a process in fresh namespaces, forked from one that has imported torch already."""

from __future__ import annotations

import json
import os
import platform
import socket
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from grader.assignment import Limits
from grader.errors import InfrastructureError
from grader.sandbox.bubblewrap import Bubblewrap, interpreter_folders, nesting_command
from grader.sandbox.held import HeldProcess
from grader.sandbox.spec import (
    DATA,
    HOME,
    INTERPRETER,
    LIBRARY,
    PLACES,
    WORK,
    Sandbox,
    boot_settings,
    environment,
)
from grader.sandbox.zygotes import ZYGOTE_UID, Share, connect, hold

# Before, processes were counted over all sandboxes of a user together.
_OLDEST_LINUX = (5, 14)
_INSIDE = Path(__file__).parents[1] / "kernel" / "inside"
_START_SECONDS = 60.0


class Warm:
    """A fork of a process that runs in bubblewrap and holds no student's code itself."""

    name = "warm"
    keeper = True

    def __init__(self) -> None:
        self._shares: dict[tuple[Path, tuple[tuple[str, Path], ...], int], Share] = {}

    def problem(self) -> str | None:
        """Why it cannot be used here; None when a sandbox inside a sandbox can be made."""
        outer = Bubblewrap().problem()
        if outer is not None:
            return outer
        if _linux_version() < _OLDEST_LINUX:
            return f"forked sandboxes need Linux 5.14 or later; this is {platform.release()}"
        tried = subprocess.run(
            [
                *nesting_command(Sandbox(library=_INSIDE, limits=Limits())),
                *("--", INTERPRETER, "-I", f"{LIBRARY}/namespaces.py", str(ZYGOTE_UID)),
            ],
            capture_output=True,
            text=True,
            check=False,
        )
        if tried.returncode == 0:
            return None
        reason = (tried.stderr.strip().splitlines() or ["no reason given"])[-1]
        return f"no sandbox can be made inside another one ({reason}); bwrap does without that"

    def prepare(self, sandbox: Sandbox, *, wait: bool = True) -> None:
        """Has a zygote started, or started again; holds it until `release` or the process's end.

        Raises:
            InfrastructureError: it does not start.
        """
        key = (sandbox.library, sandbox.data, sandbox.threads)
        held = self._shares.get(key)
        if held is not None and held.is_good():
            return
        if held is not None:
            del self._shares[key]
            held.release()
        self._shares[key] = hold(sandbox, wait=wait)

    def release(self) -> None:
        """Lets go of every zygote that this process holds."""
        while self._shares:
            self._shares.popitem()[1].release()

    def start(
        self, sandbox: Sandbox, settings: dict[str, Any], pass_fds: Sequence[int], log: int
    ) -> HeldProcess:
        """Asks the zygote, which somebody holds, for a fork.

        Raises:
            InfrastructureError: there is no zygote, or it could not make the sandbox.
        """
        connection = connect(sandbox, "start")
        if connection is None:
            raise InfrastructureError("what sandboxes are forked from has ended; try again")
        try:
            connection.settimeout(_START_SECONDS)
            with _archived(sandbox) as archive:
                return _forked(connection, sandbox, settings, [log, log, *pass_fds], archive)
        except BaseException:
            connection.close()
            raise


def _forked(
    connection: socket.socket,
    sandbox: Sandbox,
    settings: dict[str, Any],
    descriptors: list[int],
    archive: IO[bytes] | None,
) -> HeldProcess:
    targets = [1, 2, *descriptors[2:]]
    complete = boot_settings(settings, sandbox, None, None)
    if archive is not None:
        complete["archive_fd"] = max(targets) + 1
        targets.append(complete["archive_fd"])
        descriptors = [*descriptors, archive.fileno()]
    request = {
        "targets": targets,
        "settings": complete,
        "environment": environment(sandbox, HOME, DATA),
        "places": list(PLACES),
        "kept": [prefix for prefix in interpreter_folders() if _is_covered(prefix)],
        "work": WORK,
    }
    try:
        socket.send_fds(connection, [json.dumps(request).encode()], descriptors)
        _, received, _, _ = socket.recv_fds(connection, 16, 1)
    except OSError as error:
        raise InfrastructureError(f"what sandboxes are forked from has ended ({error})") from error
    if not received:
        raise InfrastructureError("no sandbox could be forked; try again")
    return HeldProcess(received[0], connection)


def _is_covered(folder: str) -> bool:
    return any(Path(folder).is_relative_to(place) for place in PLACES)


@contextmanager
def _archived(sandbox: Sandbox) -> Iterator[IO[bytes] | None]:
    """The plain files of the submission, for a sandbox that cannot have its folder in view."""
    if sandbox.submission is None:
        yield None
        return
    with tempfile.TemporaryFile() as file:
        with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as archive:
            _fill(archive, sandbox.submission, sandbox.limits.disk)
        file.seek(0)
        yield file


def _fill(archive: tarfile.TarFile, folder: Path, limit_bytes: int) -> None:
    left = limit_bytes
    for path in sorted(folder.rglob("*")):
        member = tarfile.TarInfo(str(path.relative_to(folder)))
        if path.is_symlink():
            continue
        if path.is_dir():
            member.type = tarfile.DIRTYPE
            archive.addfile(member)
        elif path.is_file():
            with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW), "rb") as content:
                member.size = os.fstat(content.fileno()).st_size
                left -= member.size
                if left < 0:
                    raise InfrastructureError(
                        f"the submission's files hold more than {limit_bytes >> 20} MiB, which is "
                        "what the assignment's limit `disk` allows"
                    )
                archive.addfile(member, content)


def _linux_version() -> tuple[int, int]:
    major, minor = platform.release().split(".")[:2]
    return int(major), int("".join(filter(str.isdigit, minor)) or 0)
