from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from grader.errors import SubmissionError
from grader.submission import Submission
from grader.submission.defined import module_text, modules_to_run, names_of

KL = "def KLD(mean, log_std):\n    def inner(): ...\n"


def handed_in(folder: Path, modules: dict[str, str], *cells: str) -> Submission:
    for name, text in modules.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    notebook = None
    if cells:
        notebook = folder / "vae.ipynb"
        made = new_notebook(cells=[new_markdown_cell("def f(): ..."), *map(new_code_cell, cells)])
        nbformat.write(made, notebook)
    paths = tuple(folder / name for name in sorted(modules))
    return Submission("kim", "kim", notebook, paths, folder)


def chosen(submission: Submission, *listed: str, wanted: tuple[str, ...] = ("KLD",)) -> list[str]:
    assert submission.folder is not None
    paths = modules_to_run(submission, listed, wanted)
    return [str(path.relative_to(submission.folder)) for path in paths]


def test_functions_and_classes_at_the_top_are_names(tmp_path: Path) -> None:
    source = "async def go(): ...\nclass VAE(Base):\n    def forward(self): ...\n%%broken def x("
    submission = handed_in(tmp_path, {"a.py": KL}, source, "x = 1")
    assert names_of(submission) == {"KLD", "go", "VAE"}


def test_files_that_the_sheet_lists_come_in_its_order(tmp_path: Path) -> None:
    submission = handed_in(tmp_path, {"a.py": "", "Utils.py": "", "models.py": ""})
    assert chosen(submission, "models.py", "utils.py", "absent.py") == ["models.py", "Utils.py"]


def test_other_files_run_only_for_a_name_that_is_wanted(tmp_path: Path) -> None:
    submission = handed_in(tmp_path, {"a.py": "def other(): ...", "b.py": KL, "c.py": KL})
    assert chosen(submission) == ["b.py"]
    assert chosen(submission, "c.py") == ["c.py"]


def test_a_name_that_the_notebook_defines_needs_no_file(tmp_path: Path) -> None:
    assert chosen(handed_in(tmp_path, {"b.py": KL}, KL)) == []


def test_without_notebook_and_without_any_name_everything_runs(tmp_path: Path) -> None:
    assert chosen(handed_in(tmp_path, {"b.py": "", "a.py": ""})) == ["a.py", "b.py"]


def test_of_two_files_of_one_name_the_upper_one_counts(tmp_path: Path) -> None:
    submission = handed_in(tmp_path, {"old/utils.py": KL, "utils.py": KL})
    assert chosen(submission, "utils.py") == ["utils.py"]


def test_any_bytes_are_text(tmp_path: Path) -> None:
    path = tmp_path / "a.py"
    path.write_bytes(b"\xef\xbb\xbfx = '\xff'")
    assert module_text(path) == "x = '\N{REPLACEMENT CHARACTER}'"


def test_a_file_beyond_all_measure_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.py"
    path.write_bytes(b"#" * ((2 << 20) + 1))
    with pytest.raises(SubmissionError, match=r"a.py"):
        module_text(path)
    assert names_of(Submission("kim", "kim", None, (path,))) == frozenset()


def test_a_notebook_that_cannot_be_read_defines_nothing(tmp_path: Path) -> None:
    (tmp_path / "vae.ipynb").write_text("{")
    assert names_of(Submission("kim", "kim", tmp_path / "vae.ipynb")) == frozenset()
