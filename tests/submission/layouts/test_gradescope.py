from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from grader.submission import Discovery, discover

Write = Callable[..., Path]

METADATA = """\
---
submission_102:
  :submitters:
  - :name: John Roe
    :sid: '0042'
    :email: roe@example.edu
  - :name: Jane Doe
    :sid: 17
    :email: doe@example.edu
  :created_at: 2025-03-01 22:15:30.123000000 Z
  :score: 10.0
submission_103:
  :submitters:
  - :name: Émile Zola
    :sid: ''
    :email: zola@example.edu
  :created_at: 2025-03-02 08:00:00
submission_104:
  :submitters: nonsense
7: what
../../etc: {}
"""


@pytest.fixture
def export(tmp_path: Path, write: Write) -> Path:
    folder = tmp_path / "in/assignment_9_export"
    write(folder / "submission_metadata.yml", METADATA)
    for number in (102, 103):
        write(folder / f"submission_{number}/vae.ipynb")
    return folder


def found(tmp_path: Path) -> Discovery:
    return discover(tmp_path / "in", unpack_to=tmp_path / "out")


def test_submitters_give_id_name_and_time_and_several_make_a_group(
    tmp_path: Path, export: Path
) -> None:
    result = found(tmp_path)
    group, _, zola = result.submissions
    assert result.layout == "gradescope"
    assert (group.student_id, group.name) == ("0042+17", "John Roe, Jane Doe")
    assert group.submitted_at == datetime(2025, 3, 1, 22, 15, 30, 123000, tzinfo=UTC)
    assert group.notebook == export / "submission_102/vae.ipynb"
    assert (zola.student_id, zola.name) == ("zola@example.edu", "Émile Zola")
    assert zola.submitted_at == datetime(2025, 3, 2, 8, tzinfo=UTC)


def test_a_listed_submission_without_a_folder_is_a_row(tmp_path: Path, export: Path) -> None:
    (row,) = [one for one in found(tmp_path).submissions if one.problem]
    assert row.student_id == "submission_104"
    assert "lists submission_104 but does not hold its folder" in str(row.problem)


def test_a_folder_that_is_not_listed_goes_by_its_own_name(
    tmp_path: Path, export: Path, write: Write
) -> None:
    write(export / "submission_200/vae.ipynb")
    write(export / "README", "")
    result = found(tmp_path)
    assert "submission_200" in [one.student_id for one in result.submissions]
    assert result.notes == ("Passed over what is nobody's hand-in: README.",)


@pytest.mark.parametrize(
    "metadata",
    ["[1, 2]", "a: [", "!!python/object/apply:os.system ['true']", "\x00", "a: " + "[" * 3000],
)
def test_unreadable_metadata_costs_names_only(
    tmp_path: Path, export: Path, write: Write, metadata: str
) -> None:
    write(export / "submission_metadata.yml", metadata)
    result = found(tmp_path)
    assert [one.student_id for one in result.submissions] == ["submission_102", "submission_103"]
    assert "submission_metadata.yml cannot be read" in result.notes[0]


def test_of_two_submissions_of_one_student_the_later_counts(tmp_path: Path, write: Write) -> None:
    row = "submission_{0}:\n  :submitters:\n  - :sid: '1'\n  :created_at: 2025-03-0{1} 10:00:00 Z\n"
    write(tmp_path / "in/submission_metadata.yml", row.format(1, 2) + row.format(2, 1))
    for number in (1, 2):
        write(tmp_path / f"in/submission_{number}/vae.ipynb")
    (only,) = found(tmp_path).submissions
    assert only.notebook == tmp_path / "in/submission_1/vae.ipynb"
    assert only.earlier == (tmp_path / "in/submission_2",)
