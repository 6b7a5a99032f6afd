"""Who has handed in what, in a folder without the form of any platform."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from grader.errors import UsageError
from grader.submission import discover
from tests.submission.conftest import Find, MakeZip, Write, problems


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
