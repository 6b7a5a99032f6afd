from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from grader.submission import Discovery, discover

Write = Callable[..., Path]


def found(tmp_path: Path) -> Discovery:
    return discover(tmp_path / "in", unpack_to=tmp_path / "out")


@pytest.mark.parametrize("ending", ["file", "file_"])
def test_a_folder_per_student(tmp_path: Path, write: Write, ending: str) -> None:
    folder = tmp_path / f"in/Jane van der Doe_4417_assignsubmission_{ending}"
    write(folder / "vae.ipynb")
    write(tmp_path / "in/roster.csv", "")
    result = found(tmp_path)
    (jane,) = result.submissions
    assert result.layout == "moodle"
    assert (jane.student_id, jane.name) == ("4417", "Jane van der Doe")
    assert (jane.notebook, jane.folder) == (folder / "vae.ipynb", folder)
    assert result.notes == ("Passed over what is nobody's hand-in: roster.csv.",)


def test_flat_files_of_a_student_come_together(tmp_path: Path, write: Write) -> None:
    write(tmp_path / "in/Jane Doe_4417_assignsubmission_file_1_2_vae.ipynb")
    write(tmp_path / "in/Jane Doe_4417_assignsubmission_file_utils.py", "")
    write(tmp_path / "in/John Roe_4418_assignsubmission_file_vae.ipynb")
    jane, john = found(tmp_path).submissions
    assert jane.folder is not None
    assert sorted(path.name for path in jane.folder.iterdir()) == ["1_2_vae.ipynb", "utils.py"]
    assert john.notebook == tmp_path / "in/John Roe_4418_assignsubmission_file_vae.ipynb"


def test_blind_participants_are_told_apart_by_number(tmp_path: Path, write: Write) -> None:
    for number in (1, 2):
        write(tmp_path / f"in/Participant_{number}_assignsubmission_file/vae.ipynb")
    names = [one.name for one in found(tmp_path).submissions]
    assert names == ["Participant 1", "Participant 2"]


def test_typed_text_counts_only_when_there_is_no_file(tmp_path: Path, write: Write) -> None:
    write(tmp_path / "in/Jane Doe_4417_assignsubmission_file/vae.ipynb")
    write(tmp_path / "in/Jane Doe_4417_assignsubmission_onlinetext/onlinetext.html", "")
    write(tmp_path / "in/John Roe_4418_assignsubmission_onlinetext_", "")
    jane, john = found(tmp_path).submissions
    assert (jane.problem, jane.earlier) == (None, ())
    assert "no notebook" in str(john.problem)


def test_of_two_folders_of_one_student_the_newer_counts(tmp_path: Path, write: Write) -> None:
    write(tmp_path / "in/Jane Doe_4417_assignsubmission_file_/vae.ipynb", seconds=1000)
    newer = write(tmp_path / "in/Jane Doe_4417_assignsubmission_file/vae.ipynb", seconds=2000)
    (jane,) = found(tmp_path).submissions
    assert jane.notebook == newer
    assert jane.earlier == (tmp_path / "in/Jane Doe_4417_assignsubmission_file_",)
