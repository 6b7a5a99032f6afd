from __future__ import annotations

import errno
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from grader.checks.verdict import Outcome, Verdict
from grader.results import SubmissionResult
from grader.schedule.delivery import Delivery, deliver, delivered, name_of

VERDICT = Verdict("one", "one_is_one", Outcome.PASSED, 1, 1, message="half a \ud800 pair")
RESULT = SubmissionResult("Ann", "Ann", "sums", "graded", (VERDICT,), executed="ann.ipynb")
DELIVERY = Delivery("f" * 64, RESULT, '{"cells": []}')
NAME = name_of("Ann", "f" * 64)


def test_what_is_delivered_arrives(tmp_path: Path) -> None:
    deliver(tmp_path, replace(DELIVERY, result=replace(RESULT, verdicts=())))
    assert [path.name for path in tmp_path.iterdir()] == [NAME]
    assert delivered(tmp_path / NAME) == replace(DELIVERY, result=replace(RESULT, verdicts=()))


def test_text_that_is_none_costs_no_result(tmp_path: Path) -> None:
    deliver(tmp_path, DELIVERY)
    assert delivered(tmp_path / NAME) == DELIVERY


def test_names_tell_students_and_keys_apart() -> None:
    assert len({name_of("ann", "a" * 64), name_of("Ann", "a" * 64), name_of("ann", "b" * 64)}) == 3


def test_half_a_file_is_no_result(tmp_path: Path) -> None:
    assert delivered(tmp_path / NAME) is None
    deliver(tmp_path, DELIVERY)
    whole = (tmp_path / NAME).read_bytes()
    for length in (0, 10, 64, 65, len(whole) // 2, len(whole) - 1):
        (tmp_path / NAME).write_bytes(whole[:length])
        assert delivered(tmp_path / NAME) is None, length


def test_the_same_result_twice_is_one_file(tmp_path: Path) -> None:
    deliver(tmp_path, DELIVERY)
    deliver(tmp_path, DELIVERY)
    assert [path.name for path in tmp_path.iterdir()] == [NAME]


FULL = """
import resource, signal, sys
from pathlib import Path
from tests.schedule.test_delivery import DELIVERY
from dataclasses import replace
from grader.schedule.delivery import deliver
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))
try:
    deliver(Path(sys.argv[1]), replace(DELIVERY, notebook="x" * 10_000))
except OSError as error:
    print(error.errno)
"""


def test_a_full_disk_leaves_the_result_that_was_there(tmp_path: Path) -> None:
    deliver(tmp_path, DELIVERY)
    ended = subprocess.run(
        [sys.executable, "-c", FULL, str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert ended.stdout.split() == [str(errno.EFBIG)]
    assert [path.name for path in tmp_path.iterdir()] == [NAME]
    assert delivered(tmp_path / NAME) == DELIVERY


def test_the_name_appears_with_the_whole_content_behind_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[bool] = []
    fsync = os.fsync

    def noted(descriptor: int) -> None:
        synced.append((tmp_path / NAME).exists())
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", noted)
    deliver(tmp_path, DELIVERY)
    assert synced == [False, True]  # the content before it has its name, then the folder
