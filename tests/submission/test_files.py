from __future__ import annotations

import os
import socket
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from grader.errors import SubmissionError
from grader.submission import files
from grader.submission.files import (
    Found,
    changed_ns,
    copy_regular,
    irregularity,
    is_regular,
    open_regular,
    read_bounded,
    require_moderate,
    walk,
)


def test_the_bytes_of_an_ordinary_file_are_read(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"abc")
    assert read_bounded(path, 3) == b"abc"


def test_a_file_over_the_limit_is_refused_with_both_sizes(tmp_path: Path) -> None:
    path = tmp_path / "big.ipynb"
    with path.open("wb") as file:
        file.truncate(5 << 30)
    with pytest.raises(SubmissionError, match=r"'big.ipynb' has 5120.0 MiB, more than the 32 MiB"):
        read_bounded(path, 32 << 20)


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("key")
    link = tmp_path / "vae.ipynb"
    link.symlink_to(secret)
    with pytest.raises(SubmissionError, match=r"'vae.ipynb' is a symbolic link"):
        open_regular(link)
    assert not is_regular(link)


def test_a_pipe_does_not_block(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "vae.ipynb")
    with pytest.raises(SubmissionError, match="is a named pipe"):
        open_regular(tmp_path / "vae.ipynb")


def test_a_socket_a_folder_and_a_device_are_not_opened(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as unix:
        unix.bind(str(tmp_path / "s"))
        with pytest.raises(SubmissionError, match="is a socket"):
            open_regular(tmp_path / "s")
    with pytest.raises(SubmissionError, match="is a folder"):
        open_regular(tmp_path)
    with pytest.raises(SubmissionError, match="is a device"):
        open_regular(Path(os.devnull))


def test_a_file_exchanged_for_a_pipe_while_it_is_opened_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a"
    path.write_text("x")
    pipe = os.stat_result([stat.S_IFIFO, *[0] * 9])
    monkeypatch.setattr(files.os, "fstat", lambda _: pipe)
    with pytest.raises(SubmissionError, match="is a named pipe"):
        open_regular(path)


def test_a_missing_file_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(SubmissionError, match="'gone' cannot be opened: No such file"):
        open_regular(tmp_path / "gone")


def test_an_unheard_of_kind_is_not_ordinary() -> None:
    assert irregularity(0) == "not an ordinary file"


def test_a_walk_lists_by_name_without_hidden_files(
    tmp_path: Path, write: Callable[..., Path]
) -> None:
    for name in ("b.py", "a/c.py", ".git/x", ".ipynb_checkpoints/b.ipynb", "__pycache__/b.pyc"):
        write(tmp_path / name, "")
    assert [file.name for file in walk(tmp_path)] == ["a/c.py", "b.py"]


def test_a_walk_lists_links_and_does_not_enter_them(tmp_path: Path) -> None:
    (tmp_path / "root").symlink_to("/")
    (tmp_path / "loop").symlink_to(tmp_path)
    assert [(file.name, file.irregular) for file in walk(tmp_path)] == [
        ("loop", "a symbolic link"),
        ("root", "a symbolic link"),
    ]


def test_too_many_files_are_refused(
    tmp_path: Path, write: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "MAX_FILES", 2)
    for name in "abc":
        write(tmp_path / name, "")
    with pytest.raises(SubmissionError, match="more than 2 files"):
        walk(tmp_path)
    assert changed_ns(tmp_path) == tmp_path.lstat().st_mtime_ns


def test_folders_nested_too_deep_are_refused(tmp_path: Path) -> None:
    tmp_path.joinpath(*["d"] * 40).mkdir(parents=True)
    with pytest.raises(SubmissionError, match="deeper than 32"):
        walk(tmp_path)


def test_a_folder_that_cannot_be_read_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def denied(_: Path) -> list[Path]:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(files, "entries", denied)
    with pytest.raises(SubmissionError, match="cannot be read: Permission denied"):
        walk(tmp_path)


def test_a_hand_in_of_gigabytes_is_refused_unread(tmp_path: Path) -> None:
    with (tmp_path / "weights").open("wb") as file:
        file.truncate(600 << 20)
    with pytest.raises(SubmissionError, match="has 600 MiB, more than the 512 MiB"):
        require_moderate([Found("weights", tmp_path / "weights")])


def test_a_copy_keeps_bytes_and_time_and_overwrites_nothing(
    tmp_path: Path, write: Callable[..., Path]
) -> None:
    source = write(tmp_path / "a", "abc", seconds=1_000_000_000)
    copy_regular(source, tmp_path / "b")
    assert (tmp_path / "b").read_text() == "abc"
    assert changed_ns(tmp_path / "b") == 10**18
    with pytest.raises(FileExistsError):
        copy_regular(source, tmp_path / "b")


def test_a_folder_changed_when_its_newest_file_did(
    tmp_path: Path, write: Callable[..., Path]
) -> None:
    write(tmp_path / "d/a", "", seconds=1000)
    write(tmp_path / "d/e/b", "", seconds=3000)
    assert changed_ns(tmp_path / "d") == 3000 * 10**9
