from __future__ import annotations

import sys
from pathlib import Path

import pytest

from grader.kernel.inside.huge_pages import collapse

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the pages are Linux's")
SIZE = 8 << 20


def huge_kilobytes() -> int:
    lines = Path("/proc/self/smaps_rollup").read_text("ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("AnonHugePages:"))


def test_memory_holds_the_same_in_huge_pages() -> None:
    pattern = bytes(range(251)) * (SIZE // 251)
    held = bytearray(pattern)
    before = huge_kilobytes()
    collapse()
    assert held == pattern
    held[0], held[-1] = 7, 9
    assert (held[0], held[-1]) == (7, 9)
    if huge_kilobytes() == before:
        pytest.skip("this system makes no huge pages on request")
    assert huge_kilobytes() > before
