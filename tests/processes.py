"""Commands that tests start, and that do not outlive them."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator, Sequence
from typing import Any


@contextlib.contextmanager
def running(command: Sequence[str], **options: Any) -> Iterator[subprocess.Popen[str]]:
    """A command with both of its outputs in one pipe; killed at the end if it still runs.

    Args:
        command: and its arguments.
        options: further ones of `Popen`.
    """
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options
    ) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()
