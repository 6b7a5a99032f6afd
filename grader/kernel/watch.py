"""Watching how much memory a sandbox uses, all of its processes and files together."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable

import psutil

from grader.sandbox.spec import PLACES

INTERVAL_SECONDS = 0.25
# A file takes memory of the system's even when it is empty, and bubblewrap bounds bytes only.
MAX_FILES = 100_000
# A bomb of processes makes looking expensive; that must not take the cores from its neighbours.
_LARGEST_SHARE = 0.25


class MemoryWatch:
    """Follows a sandbox, remembers its peak, and calls back once when it passes the limit.

    Args:
        pid: of the sandbox's outermost process; its descendants count too.
        limit_bytes: that they may use together.
        on_excess: ends the sandbox.
        keeper: whether the outermost process is the tier's own and counts for nothing.

    Attributes:
        peak_bytes: largest use that was seen.
        exceeded: what was too much, in words for the student; "" while nothing was.
    """

    def __init__(
        self, pid: int, limit_bytes: int, on_excess: Callable[[], None], *, keeper: bool = False
    ) -> None:
        self._pid = pid
        self._keeper = keeper
        self._limit_bytes = limit_bytes
        self._on_excess = on_excess
        self.peak_bytes = 0
        self.exceeded = ""

    async def run(self) -> None:
        """Looks every quarter of a second, or less often, until cancelled or exceeded."""
        while not self.exceeded:
            began = time.thread_time()
            self.look()
            spent = time.thread_time() - began
            await asyncio.sleep(max(INTERVAL_SECONDS, spent / _LARGEST_SHARE))

    def look(self) -> None:
        """One look."""
        used = self._total(_resident_bytes)
        self.peak_bytes = max(self.peak_bytes, used)
        # Resident sizes count a shared page once per process. Proportional ones do not, but
        # cost a walk over every mapping: only an excess is worth it.
        if used > self._limit_bytes and self._total(_shared_bytes) > self._limit_bytes:
            self.exceeded = f"used more than {self._limit_bytes >> 20} MiB of memory"
        elif self._keeper and _files(self._pid) > MAX_FILES:
            self.exceeded = f"made more than {MAX_FILES} files, which take memory"
        if self.exceeded:
            self._on_excess()

    def _total(self, measure: Callable[[psutil.Process], int]) -> int:
        return _total(self._pid, measure, keeper=self._keeper)


def _total(pid: int, measure: Callable[[psutil.Process], int], *, keeper: bool = False) -> int:
    total = 0
    try:
        root = psutil.Process(pid)
        inside = root.children(recursive=True)
    except psutil.Error:
        return 0
    for process in inside if keeper else [root, *inside]:
        try:
            total += measure(process)
        except psutil.Error:
            continue  # it ended between being listed and being measured
    return total


def _files(pid: int) -> int:
    """How many files stand in the folders of a sandbox that can be written to."""
    for process in _inside(pid):
        try:
            places = [os.statvfs(f"/proc/{process.pid}/root{place}") for place in PLACES]
        except OSError:
            continue  # it has ended, or belongs to another user
        return sum(place.f_files - place.f_ffree for place in places)
    return 0


def _inside(pid: int) -> list[psutil.Process]:
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.Error:
        return []


def _resident_bytes(process: psutil.Process) -> int:
    return int(process.memory_info().rss)


def _shared_bytes(process: psutil.Process) -> int:
    try:
        return int(process.memory_full_info().pss)
    except psutil.AccessDenied:
        return _resident_bytes(process)  # a little too much is better than nothing
