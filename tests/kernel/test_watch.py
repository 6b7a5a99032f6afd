from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from grader.kernel import watch
from grader.kernel.watch import MemoryWatch


def test_the_peak_of_a_family_of_processes_is_remembered() -> None:
    program = "import subprocess, sys; x = bytearray(64 << 20); print(flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        assert child.stdout is not None
        child.stdout.readline()
        seen = MemoryWatch(child.pid, 1 << 40, lambda: None)
        seen.look()
        child.communicate(b"\n")
        peak = seen.peak_bytes
        seen.look()
    assert peak > 64 << 20
    assert seen.peak_bytes == peak
    assert not seen.exceeded


def test_an_excess_is_reported_once_and_ends_the_watch() -> None:
    calls: list[int] = []
    seen = MemoryWatch(os.getpid(), 1 << 20, lambda: calls.append(1))
    asyncio.run(seen.run())
    assert seen.exceeded
    assert calls == [1]


def test_pages_that_are_shared_count_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "_shared_bytes", lambda _: 10)
    seen = MemoryWatch(os.getpid(), 1 << 20, lambda: pytest.fail("there is no excess"))
    seen.look()
    assert not seen.exceeded


def test_a_process_whose_pages_are_hidden_counts_in_full(monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(self: psutil.Process) -> None:
        raise psutil.AccessDenied

    monkeypatch.setattr(psutil.Process, "memory_full_info", denied)
    seen = MemoryWatch(os.getpid(), 1 << 20, lambda: None)
    seen.look()
    assert seen.exceeded


def test_a_process_that_ends_meanwhile_counts_nothing() -> None:
    def gone(process: psutil.Process) -> int:
        raise psutil.NoSuchProcess(process.pid)

    assert watch._total(os.getpid(), gone) == 0
    assert watch._total(2**22 + 1, gone) == 0


def test_looking_takes_no_more_than_its_share_of_a_core(monkeypatch: pytest.MonkeyPatch) -> None:
    looks = 0

    def look(_: MemoryWatch) -> None:
        nonlocal looks
        looks += 1
        end = time.thread_time() + 0.1
        while time.thread_time() < end:
            pass

    async def for_a_second() -> None:
        watching = asyncio.create_task(MemoryWatch(os.getpid(), 1 << 40, lambda: None).run())
        await asyncio.sleep(1)
        watching.cancel()

    monkeypatch.setattr(MemoryWatch, "look", look)
    asyncio.run(for_a_second())
    assert looks <= 3


@pytest.mark.skipif(os.geteuid() != 0, reason="looks at a folder of the machine's own")
def test_files_are_counted_where_a_sandbox_writes_them(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(watch, "PLACES", (str(tmp_path),))
    monkeypatch.setattr(watch, "MAX_FILES", 0)
    calls: list[int] = []
    with subprocess.Popen(["/bin/sleep", "60"]) as child:
        outer = MemoryWatch(os.getpid(), 1 << 40, lambda: calls.append(1), keeper=True)
        outer.look()
        child.kill()
    assert outer.exceeded == "made more than 0 files, which take memory"
    assert calls == [1]


def test_what_a_plain_process_shares_with_the_machine_is_not_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(watch, "MAX_FILES", 0)
    seen = MemoryWatch(os.getpid(), 1 << 40, lambda: pytest.fail("there is no excess"))
    seen.look()
    assert not seen.exceeded


def test_a_sandbox_without_processes_has_no_files() -> None:
    assert watch._files(2**22 + 1) == 0


@pytest.mark.parametrize("can_be_asked", [True, False])
def test_children_of_children_are_found_whatever_the_system_tells(
    monkeypatch: pytest.MonkeyPatch, can_be_asked: bool
) -> None:
    monkeypatch.setattr(watch, "_CAN_BE_ASKED", can_be_asked and watch._CAN_BE_ASKED)
    program = "sleep 60 & echo $!; wait"
    with subprocess.Popen(["/bin/sh", "-c", program], stdout=subprocess.PIPE) as shell:
        assert shell.stdout is not None
        grandchild = int(shell.stdout.readline())
        found = watch._descendants(os.getpid())
        os.kill(grandchild, 9)
    assert {shell.pid, grandchild} <= set(found)
    assert watch._descendants(grandchild) == []
