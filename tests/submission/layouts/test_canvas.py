from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from grader.submission import Discovery, discover
from grader.submission.layouts import canvas

Write = Callable[..., Path]


def found(tmp_path: Path) -> Discovery:
    return discover(tmp_path / "in", unpack_to=tmp_path / "out")


def test_id_name_and_lateness_are_read_from_the_file_name(tmp_path: Path, write: Write) -> None:
    write(tmp_path / "in/doejane_4417_90210_vae.ipynb")
    write(tmp_path / "in/de_vries_LATE_4418_90211_my_vae_2_3.ipynb")
    write(tmp_path / "in/grades.csv", "")
    result = found(tmp_path)
    assert result.layout == "canvas"
    jane, vries = result.submissions
    assert (jane.student_id, jane.name, jane.late) == ("4417", "doejane", False)
    assert jane.notebook == tmp_path / "in/doejane_4417_90210_vae.ipynb"
    assert (vries.student_id, vries.name, vries.late) == ("4418", "de_vries", True)
    assert result.notes == ("Passed over what is nobody's hand-in: grades.csv.",)


def test_anonymous_students_go_by_their_anonymous_id(tmp_path: Path, write: Write) -> None:
    write(tmp_path / "in/anon_aB3x_90210_vae.ipynb")
    write(tmp_path / "in/LATE_anon_9Qz_90211_vae.ipynb")
    write(tmp_path / "in/anon_LATE_7Yy_90212_vae.ipynb")
    rows = [(one.student_id, one.name, one.late) for one in found(tmp_path).submissions]
    assert rows == [
        ("7Yy", "anonymous 7Yy", True),
        ("9Qz", "anonymous 9Qz", True),
        ("aB3x", "anonymous aB3x", False),
    ]


def test_the_highest_attempt_counts_and_the_others_are_kept(tmp_path: Path, write: Write) -> None:
    for name in ("90210_vae", "90230_vae-1", "90220_vae-2", "90190_vae-10"):
        write(tmp_path / f"in/doejane_4417_{name}.ipynb")
    (jane,) = found(tmp_path).submissions
    assert jane.notebook == tmp_path / "in/doejane_4417_90190_vae-10.ipynb"
    assert [path.name for path in jane.earlier] == [
        "doejane_4417_90210_vae.ipynb",
        "doejane_4417_90230_vae-1.ipynb",
        "doejane_4417_90220_vae-2.ipynb",
    ]


def test_files_of_one_attempt_come_together_under_their_own_names(
    tmp_path: Path, write: Write
) -> None:
    write(tmp_path / "in/doejane_4417_90210_vae.ipynb")
    write(tmp_path / "in/doejane_4417_90211_utils-3.py", "x = 1")
    write(tmp_path / "in/doejane_4417_90212_data-1.csv", "1")
    write(tmp_path / "in/doejane_4417_90213_data-2.csv", "2")
    (jane,) = found(tmp_path).submissions
    assert jane.folder == tmp_path / "out/unpacked-hand-ins/4417"
    names = sorted(path.name for path in jane.folder.iterdir())
    assert names == ["data-1.csv", "data-2.csv", "utils.py", "vae.ipynb"]
    assert jane.notebook == jane.folder / "vae.ipynb"
    assert jane.modules == (jane.folder / "utils.py",)


def test_a_students_zip_inside_the_zip_of_the_class(
    tmp_path: Path, make_zip: Callable[..., Path], notebook_text: Callable[..., str]
) -> None:
    inner = make_zip(tmp_path / "hw.zip", {"hw/vae.ipynb": notebook_text()})
    make_zip(
        tmp_path / "submissions.zip",
        {
            "doejane_4417_90210_hw.zip": inner.read_bytes(),
            "roejohn_4418_90211_vae.ipynb": notebook_text(),
        },
    )
    result = discover(tmp_path / "submissions.zip", unpack_to=tmp_path / "out")
    jane, john = result.submissions
    assert result.layout == "canvas"
    assert jane.notebook is not None
    assert jane.notebook.relative_to(jane.folder or Path()) == Path("hw/vae.ipynb")
    assert john.problem is None


def test_a_folder_that_a_ta_unpacked_in_place(tmp_path: Path, write: Write) -> None:
    write(tmp_path / "in/doejane_4417_90210_hw/vae.ipynb")
    write(tmp_path / "in/roejohn_4418_90211_hw/vae.ipynb")
    write(tmp_path / "in/roejohn_4418_90212_utils.py", "")
    jane, john = found(tmp_path).submissions
    assert jane.folder == tmp_path / "in/doejane_4417_90210_hw"
    assert john.folder is not None
    assert john.notebook == john.folder / "hw/vae.ipynb"
    assert john.modules == (john.folder / "utils.py",)


def test_text_typed_into_the_page_is_a_row_with_a_problem(tmp_path: Path, write: Write) -> None:
    write(tmp_path / "in/doejane_LATE_4417_text.html", "hello")
    (jane,) = found(tmp_path).submissions
    assert (jane.student_id, jane.late) == ("4417", True)
    assert "only text.html" in str(jane.problem)


def test_a_name_that_points_outside_stays_inside(tmp_path: Path, write: Write) -> None:
    write(tmp_path / "in/doejane_4417_90210_vae.ipynb")
    write(tmp_path / "in/doejane_4417_90211_..", "x")
    (jane,) = found(tmp_path).submissions
    assert jane.problem is None
    assert (tmp_path / "out/unpacked-hand-ins/4417/doejane_4417_90211_..").is_file()


def test_one_student_with_such_a_file_name_makes_no_export(tmp_path: Path, write: Write) -> None:
    for name in ("alice", "bob", "carol", "x_1_2_vae"):
        write(tmp_path / f"in/{name}.ipynb")
    assert canvas.read(tmp_path / "in", "in") is None
    assert len(found(tmp_path).submissions) == 4
