from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from grader.submission.digest import digest
from grader.submission.files import walk


def test_the_digest_depends_on_names_and_bytes_only(
    tmp_path: Path, write: Callable[..., Path]
) -> None:
    for place, seconds in (("a", 1), ("b", 2)):
        write(tmp_path / place / "x.py", "1", seconds=seconds)
        write(tmp_path / place / "y/z.py", "2", seconds=seconds)
    first, second = digest(walk(tmp_path / "a")), digest(walk(tmp_path / "b")[::-1])
    assert first == second
    write(tmp_path / "b/x.py", "3")
    assert digest(walk(tmp_path / "b")) != first


def test_moving_a_byte_from_name_to_content_changes_the_digest(
    tmp_path: Path, write: Callable[..., Path]
) -> None:
    write(tmp_path / "a/ab", "c")
    write(tmp_path / "b/a", "bc")
    assert digest(walk(tmp_path / "a")) != digest(walk(tmp_path / "b"))


def test_a_link_counts_without_being_opened(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a/x").symlink_to("/dev/zero")
    (tmp_path / "b").mkdir()
    os.mkfifo(tmp_path / "b/x")
    assert digest(walk(tmp_path / "a")) != digest(walk(tmp_path / "b"))
