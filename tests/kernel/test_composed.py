from __future__ import annotations

from pathlib import Path

import pytest

from grader.errors import SubmissionError
from grader.kernel.composed import compose
from grader.kernel.job import Job
from grader.sandbox import Sandbox


@pytest.fixture
def module(tmp_path: Path) -> Path:
    path = tmp_path / "utils.py"
    path.write_text("def f():\n    return 1\n", "utf-8")
    return path


def job(library: Path, module: Path, name: str = "utils.py") -> Job:
    from grader.assignment import Limits

    sandbox = Sandbox(library=library, limits=Limits())
    return Job(None, module.with_suffix(".ipynb"), "none", sandbox, modules=((name, module),))


def test_modules_alone_become_a_notebook_that_shows_their_source(
    library: Path, module: Path
) -> None:
    notebook, overridden = compose(job(library, module))
    (cell,) = notebook.cells
    assert cell.source == "%%module utils.py\ndef f():\n    return 1\n"
    assert overridden == {}


def test_a_name_with_a_line_break_stays_one_line(library: Path, module: Path) -> None:
    notebook, _ = compose(job(library, module, "a\nimport os\n.py"))
    assert notebook.cells[0].source.count("\n") == 3


def test_a_module_that_cannot_be_read_is_told(library: Path, module: Path) -> None:
    module.unlink()
    module.symlink_to("/etc/hostname")
    with pytest.raises(SubmissionError, match="a symbolic link"):
        compose(job(library, module))
