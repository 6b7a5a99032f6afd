"""Watching how much memory a sandbox uses, all of its processes together."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import psutil

INTERVAL_SECONDS = 0.25


class MemoryWatch:
    """Follows a sandbox, remembers its peak, and calls back once when it passes the limit.

    Args:
        pid: of the sandbox's outermost process; its descendants count too.
        limit_bytes: that they may use together.
        on_excess: ends the sandbox.
    """

    def __init__(self, pid: int, limit_bytes: int, on_excess: Callable[[], None]) -> None:
        self._pid = pid
        self._limit_bytes = limit_bytes
        self._on_excess = on_excess
        self.peak_bytes = 0
        self.exceeded = False

    async def run(self) -> None:
        """Looks every quarter of a second until cancelled or exceeded."""
        while not self.exceeded:
            self.look()
            await asyncio.sleep(INTERVAL_SECONDS)

    def look(self) -> None:
        """One look."""
        used = _total(self._pid, _resident_bytes)
        self.peak_bytes = max(self.peak_bytes, used)
        # Resident sizes count a shared page once per process. Proportional ones do not, but
        # cost a walk over every mapping: only an excess is worth it.
        if used > self._limit_bytes and _total(self._pid, _shared_bytes) > self._limit_bytes:
            self.exceeded = True
            self._on_excess()


def _total(pid: int, measure: Callable[[psutil.Process], int]) -> int:
    total = 0
    try:
        root = psutil.Process(pid)
        family = [root, *root.children(recursive=True)]
    except psutil.Error:
        return 0
    for process in family:
        try:
            total += measure(process)
        except psutil.Error:
            continue  # it ended between being listed and being measured
    return total


def _resident_bytes(process: psutil.Process) -> int:
    return int(process.memory_info().rss)


def _shared_bytes(process: psutil.Process) -> int:
    return int(process.memory_full_info().pss)
