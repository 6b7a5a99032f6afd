"""Tier `none`: a plain subprocess. It isolates nothing and exists for machines without Linux."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from grader.sandbox.spec import Sandbox, boot_command, environment


class Plain:
    """A process of the user's own, in a temporary home; chosen by name only, never by itself."""

    name = "none"

    def problem(self) -> str | None:
        """It can always be used, and never should."""
        return None

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
        return subprocess.Popen(
            boot_command(str(sandbox.library), settings, sandbox, submission, None),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            pass_fds=tuple(pass_fds),
            env=environment(sandbox, str(home), str(home / "data")),
            cwd=home,
            start_new_session=True,
        )
