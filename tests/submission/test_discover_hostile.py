"""Links, bad archives and names that nobody should have, found or refused."""

from __future__ import annotations

import os
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from grader.errors import InfrastructureError, UsageError
from grader.submission import gather as gather_module
from grader.submission import recognise as recognise_module
from tests.submission.conftest import Find, MakeZip, Write, problems


def test_ids_that_differ_by_case_stay_two_students(
    tmp_path: Path, write: Write, make_zip: MakeZip, notebook_text: Callable[..., str], find: Find
) -> None:
    for name in ("Alice", "alice"):
        make_zip(tmp_path / f"in/{name}.zip", {"vae.ipynb": notebook_text()})
    first, second = find().submissions
    assert (first.student_id, second.student_id) == ("Alice", "alice")
    assert str(first.folder).casefold() != str(second.folder).casefold()


def test_ids_that_look_the_same_stay_two_students(tmp_path: Path, write: Write, find: Find) -> None:
    write(tmp_path / "in/al\nice.ipynb")
    write(tmp_path / "in/al ice.ipynb")
    first, second = find().submissions
    assert first.student_id == "al ice"
    assert second.student_id.startswith("al ice~")


@pytest.mark.parametrize("place", ["alice/vae.ipynb", "alice.ipynb", "alice"])
def test_a_link_is_a_row_and_is_never_followed(
    tmp_path: Path, write: Write, find: Find, place: str
) -> None:
    write(tmp_path / "in/bob.ipynb")
    write(tmp_path / "secret/vae.ipynb")
    link = tmp_path / "in" / place
    link.parent.mkdir(exist_ok=True)
    link.symlink_to(tmp_path / "secret" / ("vae.ipynb" if "." in place else ""))
    found = find()
    alice = found.submissions[0]
    assert alice.student_id == "alice"
    assert alice.notebook is None
    assert "is a symbolic link, which is never opened" in str(alice.problem)


def test_a_link_typed_as_the_source_notebook_is_not_followed(
    tmp_path: Path, write: Write, find: Find
) -> None:
    write(tmp_path / "secret.ipynb")
    (tmp_path / "a.ipynb").symlink_to(tmp_path / "secret.ipynb")
    (only,) = find("a.ipynb").submissions
    assert only.notebook is None
    assert "is a symbolic link" in str(only.problem)


def test_a_pipe_as_notebook_does_not_block(tmp_path: Path, write: Write, find: Find) -> None:
    (tmp_path / "in/alice").mkdir(parents=True)
    os.mkfifo(tmp_path / "in/alice/vae.ipynb")
    os.mkfifo(tmp_path / "in/bob.ipynb")
    found = problems(find())
    assert "is a named pipe" in str(found["alice"])
    assert "is a named pipe" in str(found["bob"])


def test_a_link_beside_the_notebook_is_left_behind(
    tmp_path: Path, write: Write, find: Find
) -> None:
    write(tmp_path / "in/alice/vae.ipynb")
    write(tmp_path / "in/alice/lib/utils.py", "")
    (tmp_path / "in/alice/data").symlink_to("/")
    found = find()
    (alice,) = found.submissions
    assert alice.problem is None
    assert alice.folder is not None
    assert alice.folder.is_relative_to(tmp_path / "out")
    assert sorted(path.name for path in alice.folder.iterdir()) == ["lib", "vae.ipynb"]
    assert "alice handed in links or devices, which are never opened: data." in found.notes


def test_a_bad_zip_costs_one_row(
    tmp_path: Path, write: Write, make_zip: MakeZip, find: Find
) -> None:
    make_zip(tmp_path / "in/alice.zip", {"../evil": "x"})
    write(tmp_path / "in/bob.ipynb")
    write(tmp_path / "in/carol.zip", "no zip")
    found = problems(find())
    assert "leads outside the archive" in str(found["alice"])
    assert found["bob"] is None
    assert "The archive 'carol.zip': cannot be unpacked" in str(found["carol"])
    assert not list(tmp_path.rglob("evil"))


def test_a_zip_beside_modules_is_opened_and_one_beside_a_notebook_is_data(
    tmp_path: Path, write: Write, make_zip: MakeZip, notebook_text: Callable[..., str], find: Find
) -> None:
    for student in ("alice", "bob"):
        make_zip(tmp_path / f"in/{student}/work.zip", {"vae.ipynb": notebook_text()})
        write(tmp_path / f"in/{student}/lib/utils.py", "")
    write(tmp_path / "in/bob/vae.ipynb")
    alice, bob = find().submissions
    assert alice.folder is not None
    assert alice.notebook == alice.folder / "work/vae.ipynb"
    assert alice.modules == (alice.folder / "lib/utils.py",)
    assert bob.notebook == tmp_path / "in/bob/vae.ipynb"


def test_two_files_that_become_one_are_a_problem(
    tmp_path: Path, make_zip: MakeZip, find: Find, monkeypatch: pytest.MonkeyPatch, write: Write
) -> None:
    def exists(*_: object) -> None:
        raise FileExistsError(17, "File exists", "x/a.py")

    monkeypatch.setattr(gather_module, "copy_regular", exists)
    make_zip(tmp_path / "in/alice/work.zip", {"a": ""})
    write(tmp_path / "in/alice/a.py", "")
    assert "two files that are both called 'a.py'" in str(problems(find())["alice"])


def test_an_oversized_hand_in_is_a_row(tmp_path: Path, write: Write, find: Find) -> None:
    write(tmp_path / "in/alice/vae.ipynb")
    with (tmp_path / "in/alice/weights.pt").open("wb") as file:
        file.truncate(1 << 30)
    write(tmp_path / "in/bob.ipynb")
    (alice, bob) = find().submissions
    assert "has 1024 MiB, more than the 512 MiB" in str(alice.problem)
    assert alice.digest == ""
    assert bob.problem is None


def test_bad_members_of_an_export_cost_their_own_rows(
    tmp_path: Path, make_zip: MakeZip, notebook_text: Callable[..., str], find: Find
) -> None:
    link = zipfile.ZipInfo("bob/vae.ipynb")
    link.create_system, link.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
    pairs: list[tuple[Any, str]] = [
        ("alice.ipynb", notebook_text()),
        (link, "/etc/passwd"),
        *((f"../evil{n}", "x") for n in range(22)),
    ]
    make_zip(tmp_path / "class.zip", pairs)
    found = find("class.zip")
    assert problems(found)["alice"] is None
    assert "In the export it 'vae.ipynb'" not in str(problems(found)["bob"])
    assert "symbolic link" in str(problems(found)["bob"])
    assert "Left out of the export: the member '../evil0' leads outside" in found.notes[0]
    assert found.notes[-1] == "Left out of the export: 2 more members."
    assert not list(tmp_path.rglob("evil*"))


def test_an_export_that_is_no_zip_is_one_sentence(tmp_path: Path, write: Write, find: Find) -> None:
    write(tmp_path / "class.zip", "no zip")
    with pytest.raises(UsageError, match=r"class.zip cannot be unpacked .* Download it again"):
        find("class.zip")


def test_an_unreadable_source_and_a_full_disk_are_one_sentence(
    tmp_path: Path, write: Write, make_zip: MakeZip, find: Find, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    make_zip(tmp_path / "in/alice.zip", {"a.py": ""})
    with monkeypatch.context() as patch:
        patch.setattr(recognise_module, "entries", fail)
        with pytest.raises(UsageError, match=r"cannot be read .*No space left"):
            find()
    monkeypatch.setattr(gather_module, "unpack_submission", fail)
    with pytest.raises(InfrastructureError, match=r"cannot be brought together .*No space left"):
        find()


def test_a_name_that_is_no_unicode_is_a_student_all_the_same(
    tmp_path: Path, write: Write, find: Find
) -> None:
    write(tmp_path / os.fsdecode(b"in/jos\xe9.ipynb"))
    (only,) = find().submissions
    assert only.student_id.startswith("jos~")
    assert only.problem is None
    only.student_id.encode()
