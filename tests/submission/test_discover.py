from __future__ import annotations

import os
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from grader.errors import InfrastructureError, UsageError
from grader.submission import Discovery, discover
from grader.submission import gather as gather_module
from grader.submission import recognise as recognise_module

Write = Callable[..., Path]
MakeZip = Callable[..., Path]
Find = Callable[..., Discovery]


@pytest.fixture
def find(tmp_path: Path) -> Find:
    def run(name: str = "in") -> Discovery:
        return discover(tmp_path / name, unpack_to=tmp_path / "out")

    return run


def problems(discovery: Discovery) -> dict[str, str | None]:
    return {one.student_id: one.problem for one in discovery.submissions}


def test_one_folder_notebook_or_zip_per_student(
    tmp_path: Path, write: Write, make_zip: MakeZip, notebook_text: Callable[..., str], find: Find
) -> None:
    write(tmp_path / "in/carol/vae.ipynb")
    write(tmp_path / "in/carol/utils.py", "x = 1")
    write(tmp_path / "in/bob.ipynb")
    make_zip(tmp_path / "in/alice.zip", {"hw/vae.ipynb": notebook_text(), "hw/models.py": ""})
    found = find()
    assert found.layout == "plain"
    alice, bob, carol = found.submissions
    assert (alice.student_id, bob.student_id, carol.student_id) == ("alice", "bob", "carol")
    assert carol.notebook == tmp_path / "in/carol/vae.ipynb"
    assert carol.modules == (tmp_path / "in/carol/utils.py",)
    assert carol.folder == tmp_path / "in/carol"
    assert (bob.notebook, bob.folder) == (tmp_path / "in/bob.ipynb", None)
    assert alice.notebook is not None
    assert alice.notebook.read_text() == notebook_text()
    assert alice.folder is not None
    assert alice.folder.is_relative_to(tmp_path / "out")
    assert [path.name for path in alice.modules] == ["models.py"]
    assert found.notes == ()
    assert len({alice.digest, bob.digest, carol.digest}) == 3


def test_a_second_call_finds_the_same(
    tmp_path: Path, write: Write, make_zip: MakeZip, notebook_text: Callable[..., str], find: Find
) -> None:
    write(tmp_path / "in/bob.ipynb")
    make_zip(tmp_path / "in/alice.zip", {"vae.ipynb": notebook_text()})
    assert find() == find()


def test_one_notebook_is_a_run_of_one(tmp_path: Path, write: Write, find: Find) -> None:
    write(tmp_path / "jansen.ipynb")
    (only,) = find("jansen.ipynb").submissions
    assert (only.student_id, only.notebook) == ("jansen", tmp_path / "jansen.ipynb")


def test_a_notebook_with_modules_beside_it_is_one_student(
    tmp_path: Path, write: Write, find: Find
) -> None:
    write(tmp_path / "in/vae.ipynb")
    write(tmp_path / "in/utils.py", "")
    (only,) = find().submissions
    assert (only.student_id, only.folder) == ("in", tmp_path / "in")
    assert [path.name for path in only.modules] == ["utils.py"]


def test_modules_without_any_notebook_are_one_student(
    tmp_path: Path, write: Write, find: Find
) -> None:
    for name in ("utils.py", "train_torch.py", "data/train.bin"):
        write(tmp_path / "uva" / name, "")
    (submission,) = find("uva").submissions
    assert (submission.student_id, submission.notebook) == ("uva", None)
    assert [path.name for path in submission.modules] == ["train_torch.py", "utils.py"]


def test_a_script_beside_a_class_is_nobodys(tmp_path: Path, write: Write, find: Find) -> None:
    for name in ("rename.py", "kim/utils.py", "lee/utils.py"):
        write(tmp_path / "in" / name, "")
    assert [one.student_id for one in find().submissions] == ["kim", "lee"]


def test_one_module_is_a_run_of_one(tmp_path: Path, write: Write, find: Find) -> None:
    write(tmp_path / "kim.py", "")
    (submission,) = find("kim.py").submissions
    assert (submission.student_id, submission.notebook) == ("kim", None)
    assert [path.name for path in submission.modules] == ["kim.py"]


@pytest.mark.parametrize("name", ["nothing", "grades.csv", "empty"])
def test_a_path_without_submissions_is_one_sentence(
    tmp_path: Path, write: Write, find: Find, name: str
) -> None:
    write(tmp_path / "grades.csv", "a,b")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match=r"`grader run FOLDER`") as caught:
        find(name)
    assert "\n" not in str(caught.value)


def test_a_folder_of_something_else_is_not_a_class(
    tmp_path: Path, write: Write, find: Find
) -> None:
    write(tmp_path / "in/letters/april.txt", "")
    write(tmp_path / "in/photos/sea.jpg", "")
    (tmp_path / "in/plans").mkdir()
    with pytest.raises(UsageError, match="No submissions in"):
        find()


def test_entries_that_are_nobodys_are_named(tmp_path: Path, write: Write, find: Find) -> None:
    write(tmp_path / "in/bob.ipynb")
    for name in ("README.md", "grades.csv", ".DS_Store", "__MACOSX/._bob.ipynb"):
        write(tmp_path / "in" / name, "")
    found = find()
    assert [one.student_id for one in found.submissions] == ["bob"]
    assert found.notes == ("Passed over what is nobody's hand-in: README.md, grades.csv.",)


def test_an_empty_folder_is_a_row_with_a_problem(tmp_path: Path, write: Write, find: Find) -> None:
    (tmp_path / "in/alice").mkdir(parents=True)
    write(tmp_path / "in/bob/vae.ipynb")
    assert problems(find()) == {
        "alice": "Nothing was handed in: the folder is empty.",
        "bob": None,
    }


def test_a_class_of_one_empty_folder_is_still_a_row(tmp_path: Path, find: Find) -> None:
    (tmp_path / "in/alice").mkdir(parents=True)
    assert list(problems(find())) == ["alice"]


def test_a_report_alone_is_a_row_with_a_problem(tmp_path: Path, write: Write, find: Find) -> None:
    write(tmp_path / "in/alice/report.pdf", "")
    write(tmp_path / "in/bob/vae.ipynb")
    assert "no notebook (.ipynb) and no Python file (.py), only report.pdf" in str(
        problems(find())["alice"]
    )


def test_modules_alone_are_left_to_the_engine(tmp_path: Path, write: Write, find: Find) -> None:
    write(tmp_path / "in/alice/models.py", "")
    (alice,) = find().submissions
    assert (alice.notebook, alice.problem) == (None, None)
    assert alice.modules == (tmp_path / "in/alice/models.py",)


def test_of_two_notebooks_the_one_that_names_an_assignment_counts(
    tmp_path: Path, write: Write, notebook_text: Callable[..., str], find: Find
) -> None:
    write(tmp_path / "in/alice/scratch.ipynb")
    write(tmp_path / "in/alice/broken.ipynb", "{")
    write(tmp_path / "in/alice/vae.ipynb", notebook_text(assignment="vae"))
    (alice,) = find().submissions
    assert alice.notebook == tmp_path / "in/alice/vae.ipynb"


@pytest.mark.parametrize(
    ("assignment", "which"), [(None, "none of them names"), ("vae", "2 of them name")]
)
def test_two_notebooks_alike_are_a_problem_that_names_them(
    tmp_path: Path,
    write: Write,
    notebook_text: Callable[..., str],
    find: Find,
    assignment: str | None,
    which: str,
) -> None:
    for name in "ab":
        write(tmp_path / f"in/alice/{name}.ipynb", notebook_text(assignment=assignment))
    assert problems(find())["alice"] == (
        f"The hand-in holds 2 notebooks (a.ipynb, b.ipynb) and {which} an assignment; "
        "keep the one to grade."
    )


def test_a_long_list_of_notebooks_is_cut_short(tmp_path: Path, write: Write, find: Find) -> None:
    for number in range(9):
        write(tmp_path / f"in/alice/{number}.ipynb")
    assert "3.ipynb, 4.ipynb and 4 more)" in str(problems(find())["alice"])


def test_the_same_student_twice_is_one_row_and_the_latest_counts(
    tmp_path: Path, write: Write, make_zip: MakeZip, notebook_text: Callable[..., str], find: Find
) -> None:
    write(tmp_path / "in/alice.ipynb", seconds=3000)
    archive = make_zip(tmp_path / "in/alice.zip", {"vae.ipynb": notebook_text()})
    os.utime(archive, (2000, 2000))
    write(tmp_path / "in/alice/vae.ipynb", seconds=1000)
    found = find()
    (alice,) = found.submissions
    assert alice.notebook == tmp_path / "in/alice.ipynb"
    assert alice.earlier == (tmp_path / "in/alice", tmp_path / "in/alice.zip")
    assert found.notes == ("Handed in more than once, of which the latest counts: alice.",)


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


def test_a_zip_of_a_class_is_the_class(
    tmp_path: Path, make_zip: MakeZip, notebook_text: Callable[..., str], find: Find
) -> None:
    make_zip(
        tmp_path / "hw1 (1).zip",
        {
            "hw1/alice/vae.ipynb": notebook_text(),
            "hw1/bob.ipynb": notebook_text(),
            "__MACOSX/hw1/._bob.ipynb": "x",
        },
    )
    assert list(problems(find("hw1 (1).zip"))) == ["alice", "bob"]


@pytest.mark.parametrize("wrapper", ["submissions", "some name"])
def test_a_folder_around_the_class_is_entered(
    tmp_path: Path, write: Write, find: Find, wrapper: str
) -> None:
    for student in ("alice", "bob"):
        write(tmp_path / "in" / wrapper / student / "vae.ipynb")
    assert list(problems(find())) == ["alice", "bob"]


def test_the_only_student_is_not_taken_for_a_wrapper(
    tmp_path: Path, write: Write, find: Find
) -> None:
    write(tmp_path / "in/alice/src/vae.ipynb")
    (tmp_path / "in/alice/data").mkdir()
    assert list(problems(find())) == ["alice"]


def test_a_wrapper_is_judged_without_folders_that_cannot_be_walked(
    tmp_path: Path, write: Write, find: Find
) -> None:
    tmp_path.joinpath("in/alice", *["d"] * 40).mkdir(parents=True)
    assert "deeper than 32" in str(problems(find())["alice"])


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


def test_the_output_may_not_lie_inside_the_class_nor_around_it(
    tmp_path: Path, write: Write
) -> None:
    write(tmp_path / "in/bob.ipynb")
    for unpack_to in (tmp_path / "in/out", tmp_path, tmp_path / "in"):
        with pytest.raises(UsageError, match="lie one inside the other"):
            discover(tmp_path / "in", unpack_to=unpack_to)
    assert (tmp_path / "in/bob.ipynb").exists()


def test_a_class_behind_a_link_that_the_ta_typed_is_found(
    tmp_path: Path, write: Write, find: Find
) -> None:
    write(tmp_path / "far/bob.ipynb")
    (tmp_path / "in").symlink_to(tmp_path / "far")
    assert list(problems(find())) == ["bob"]


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
