from __future__ import annotations

from pathlib import Path

import pytest

from grader import inference
from grader.errors import UsageError
from grader.inference import chosen_assignment
from grader.submission import Discovery, Submission

PAIR = """
title = "Pairs"
modules = ["pair.py"]

[[question]]
id = "two"
function = { name = "pair" }
"""


@pytest.fixture
def pair(sums: Path) -> None:
    (sums / "dialects").mkdir()
    (sums / "dialects" / "pair.toml").write_text(PAIR, "utf-8")


def handed_in(tmp_path: Path, **files: str) -> Discovery:
    folder = tmp_path / "kim"
    folder.mkdir()
    paths = []
    for name, text in files.items():
        paths.append(folder / f"{name}.py")
        paths[-1].write_text(text, "utf-8")
    return Discovery("plain", (Submission("kim", "kim", None, tuple(paths), folder),))


def sheet(found: Discovery, sums: Path, dialect: str | None = None) -> str:
    return chosen_assignment(found, Path(), str(sums), dialect).dialect


def test_the_sheet_is_the_one_whose_names_are_there(sums: Path, pair: None, tmp_path: Path) -> None:
    assert sheet(handed_in(tmp_path, solution="def pair(): ..."), sums) == "pair"


def test_a_file_that_a_sheet_lists_tells_it_apart(sums: Path, pair: None, tmp_path: Path) -> None:
    assert sheet(handed_in(tmp_path, pair="x = 1"), sums) == "pair"


def test_the_assignments_own_sheet_is_taken_where_nothing_speaks_for_another(
    sums: Path, pair: None, tmp_path: Path
) -> None:
    assert sheet(handed_in(tmp_path, solution="def pair(): ...\ndef one(): ..."), sums) == ""


def test_what_is_typed_is_not_guessed(sums: Path, pair: None, tmp_path: Path) -> None:
    found = handed_in(tmp_path, solution="def pair(): ...")
    assert sheet(found, sums, "none") == ""
    assert sheet(found, sums, "pair") == "pair"


def test_the_assignment_is_found_by_the_functions_that_are_defined(
    sums: Path, pair: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inference, "installed", lambda: {"sums": sums})
    both = handed_in(tmp_path, solution="def one(): ...\ndef two(): ...")
    found = chosen_assignment(both, Path(), None, None)
    assert (found.name, found.dialect) == ("sums", "")


def test_one_name_alone_may_be_an_accident(
    sums: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inference, "installed", lambda: {"sums": sums})
    one = handed_in(tmp_path, solution="def one(): ...")
    with pytest.raises(UsageError, match=r"do not say .* type --assignment and one of sums"):
        chosen_assignment(one, Path(), None, None)


def test_two_assignments_alike_are_not_decided_by_chance(
    sums: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    twin = tmp_path / "twin"
    twin.mkdir()
    for path in sums.iterdir():
        (twin / path.name).write_bytes(path.read_bytes())
    monkeypatch.setattr(inference, "installed", lambda: {"sums": sums, "twin": twin})
    both = handed_in(tmp_path, solution="def one(): ...\ndef two(): ...")
    with pytest.raises(UsageError, match="functions of sums as well as twin"):
        chosen_assignment(both, Path(), None, None)


SHARED = """
title = "Ones"

[[question]]
id = "one"
function = { name = "one" }
"""
COMMON = """
title = "Common names"
modules = ["one.py"]

[[question]]
id = "one"
title = "A class of a common name"
points = 1
function = { name = "Model" }

[[question]]
id = "two"
function = { name = "rarely_defined" }
"""


@pytest.fixture
def several(sums: Path) -> None:
    (sums / "dialects").mkdir()
    (sums / "dialects" / "common.toml").write_text(COMMON, "utf-8")
    (sums / "dialects" / "shared.toml").write_text(SHARED, "utf-8")


def test_of_sheets_with_as_many_names_the_one_that_is_answered_whole_is_taken(
    sums: Path, several: None, tmp_path: Path
) -> None:
    found = handed_in(tmp_path, one="class Model: ...\ndef one(): ...")
    assert sheet(found, sums) == "shared"


def test_what_only_the_own_sheet_asks_for_speaks_for_it(
    sums: Path, several: None, tmp_path: Path
) -> None:
    found = handed_in(tmp_path, solution="def two(): ...")
    assert sheet(found, sums) == ""
