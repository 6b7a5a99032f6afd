from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from grader.submission import discover

Write = Callable[..., Path]


def test_clones_go_by_username(tmp_path: Path, write: Write) -> None:
    root = tmp_path / "deep-vae-submissions"
    write(root / "deep-vae-Jane-Doe/src/vae.ipynb")
    write(root / "deep-vae-Jane-Doe/.git/config", "")
    write(root / "deep-vae-roe/vae.ipynb")
    write(root / "grades.csv", "")
    result = discover(root, unpack_to=tmp_path / "out")
    assert result.layout == "github"
    jane, roe = result.submissions
    assert (jane.student_id, roe.student_id) == ("Jane-Doe", "roe")
    assert jane.notebook == root / "deep-vae-Jane-Doe/src/vae.ipynb"
    assert result.notes == ("Passed over what is nobody's hand-in: grades.csv.",)


def test_a_zip_of_clones_goes_by_its_own_name(
    tmp_path: Path, make_zip: Callable[..., Path], notebook_text: Callable[..., str]
) -> None:
    members = {f"vae-{name}/vae.ipynb": notebook_text() for name in ("doe", "roe")}
    archive = make_zip(tmp_path / "vae-submissions.zip", members)
    result = discover(archive, unpack_to=tmp_path / "out")
    assert result.layout == "github"
    assert [one.student_id for one in result.submissions] == ["doe", "roe"]


def test_a_clone_that_is_a_link_is_a_row_with_a_problem(tmp_path: Path, write: Write) -> None:
    root = tmp_path / "vae-submissions"
    write(tmp_path / "secret/vae.ipynb")
    write(root / "vae-roe/vae.ipynb")
    (root / "vae-doe").symlink_to(tmp_path / "secret")
    doe, roe = discover(root, unpack_to=tmp_path / "out").submissions
    assert "is a symbolic link" in str(doe.problem)
    assert roe.problem is None


def test_a_folder_of_that_name_without_clones_is_plain(tmp_path: Path, write: Write) -> None:
    write(tmp_path / "vae-submissions/doe/vae.ipynb")
    result = discover(tmp_path / "vae-submissions", unpack_to=tmp_path / "out")
    assert result.layout == "plain"
