from __future__ import annotations

import json
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from grader import batch
from grader.batch import Options, run_batch
from grader.environment import keep, lock, name_of
from tests.schedule.test_cluster import Silent


def test_a_lock_is_a_list_of_requirements_that_pip_reads() -> None:
    about, *lines = lock().splitlines()
    assert about.startswith("# Python 3.")
    found = {each.name: str(each.specifier) for each in map(Requirement, lines)}
    assert found["torch"] == f"=={version('torch')}"
    assert lines == sorted(lines, key=str.casefold)


@pytest.mark.slow
def test_each_result_names_the_lock_that_stands_beside_it(
    hand_in: Callable[..., Path],
    sums: Path,
    library: Path,
    tmp_path: Path,
    course_environment: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(batch, "stage_library", lambda _: library)
    out = tmp_path / "out"
    options = Options(hand_in("ann"), out, str(sums), jobs=1, isolation="none")
    run_batch(options, Silent())
    (row,) = json.loads((out / "results.json").read_text("utf-8"))["submissions"]
    named = out / "environments" / f"{row['provenance']['environment']}.txt"
    assert named.read_text("utf-8") == lock()


def test_other_environments_stand_beside_it(tmp_path: Path) -> None:
    keep(tmp_path, "torch==2\n")
    keep(tmp_path, "torch==3\n")
    keep(tmp_path, "torch==3\n")
    names = {f"{name_of(text)}.txt" for text in ("torch==2\n", "torch==3\n")}
    assert {path.name for path in (tmp_path / "environments").iterdir()} == names
