"""Watching how much memory a sandbox uses, all of its processes and files together."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psutil

from grader.sandbox.spec import PLACES

INTERVAL_SECONDS = 0.25
# A file takes memory of the system's even when it is empty, and bubblewrap bounds bytes only.
MAX_FILES = 100_000
# A bomb of processes makes looking expensive; that must not take the cores from its neighbours.
_LARGEST_SHARE = 0.25
_CAN_BE_ASKED = Path("/proc/thread-self/children").exists()


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
    for number in _descendants(pid) if keeper else [pid, *_descendants(pid)]:
        try:
            total += measure(psutil.Process(number))
        except psutil.Error:
            continue  # it ended between being listed and being measured
    return total


def _files(pid: int) -> int:
    """How many files stand in the folders of a sandbox that can be written to."""
    for number in _descendants(pid):
        try:
            places = [os.statvfs(f"/proc/{number}/root{place}") for place in PLACES]
        except OSError:
            continue  # it has ended, or belongs to another user
        return sum(place.f_files - place.f_ffree for place in places)
    return 0


def _descendants(pid: int) -> list[int]:
    """Numbers of all processes that a process has started, and of those that they have."""
    found = _children(pid)
    for child in found:
        found += _children(child)  # the list grows while it is walked
    return found


def _children(pid: int) -> list[int]:
    """Asks the process itself where the system can; otherwise all processes have to be read."""
    found: list[int] = []
    if not _CAN_BE_ASKED:
        with suppress(psutil.Error):
            found = [child.pid for child in psutil.Process(pid).children()]
        return found
    with suppress(OSError):  # it has ended
        for thread in os.listdir(f"/proc/{pid}/task"):  # noqa: PTH208  a path for each costs more
            with Path(f"/proc/{pid}/task/{thread}/children").open("rb") as listed:
                found += map(int, listed.read().split())
    return found


def _resident_bytes(process: psutil.Process) -> int:
    return int(process.memory_info().rss)


def _shared_bytes(process: psutil.Process) -> int:
    try:
        return int(process.memory_full_info().pss)
    except psutil.AccessDenied:
        return _resident_bytes(process)  # a little too much is better than nothing
