"""Tier `none`: a plain subprocess. It isolates nothing and exists for machines without Linux."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from grader.sandbox.spec import Sandbox, boot_command, environment


class _Housed(subprocess.Popen[bytes]):
    """A process with a home of its own, which goes when the end of the process is seen."""

    def __init__(self, home: Path, command: list[str], **options: Any) -> None:
        self._home = home
        super().__init__(command, **options)

    def poll(self) -> int | None:
        status = super().poll()
        if status is not None:
            shutil.rmtree(self._home, ignore_errors=True)
        return status

    def wait(self, timeout: float | None = None) -> int:
        status = super().wait(timeout)
        shutil.rmtree(self._home, ignore_errors=True)
        return status

    def kill(self) -> None:
        """Ends the whole session: without a namespace nothing else ends its children."""
        if self.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)


class Plain:
    """A process of the user's own, in a temporary home; chosen by name only, never by itself."""

    name = "none"
    keeper = False

    def problem(self) -> str | None:
        """It can always be used, and never should."""
        return None

    def prepare(self, sandbox: Sandbox, *, wait: bool = True) -> None:
        """Nothing is shared: every process starts from nothing."""

    def release(self) -> None:
        """Nothing was prepared."""

    def start(
        self, sandbox: Sandbox, settings: dict[str, Any], pass_fds: Sequence[int], log: int
    ) -> subprocess.Popen[bytes]:
        """Starts `boot.py` with the host's file system in full view."""
        home = Path(tempfile.mkdtemp(prefix="grader-home-"))
        for name, path in sandbox.data:
            target = home / "data" / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.symlink_to(path)
        submission = str(sandbox.submission) if sandbox.submission else None
        return _Housed(
            home,
            boot_command(str(sandbox.library), settings, sandbox, submission, None),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            pass_fds=tuple(pass_fds),
            env=environment(sandbox, str(home), str(home / "data")),
            cwd=home,
            start_new_session=True,
        )
