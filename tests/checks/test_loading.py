from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from grader.checks.loading import load_checks, require_complete
from grader.errors import AssignmentError

PUBLIC = '''
from __future__ import annotations

from dataclasses import dataclass

from grader.checks import Subject, check


@dataclass
class Point:
    x: float


@check("kl", points=2)
def kl_is_right(subject: Subject) -> None:
    """KL is right."""
'''
HIDDEN = PUBLIC.replace("kl_is_right", "kl_is_right_elsewhere").replace("points=2", "points=1")


@dataclass(frozen=True)
class Question:
    id: str
    points: float
    manual: bool = False
    title: str = ""
    requires: tuple[str, ...] = ()
    function: Any = None
    also: tuple[Any, ...] = ()
    checked_as: Any = None


def folder_with(path: Path, public: str = PUBLIC, hidden: str | None = HIDDEN) -> Path:
    path.mkdir(exist_ok=True)
    (path / "checks.py").write_text(public)
    if hidden is not None:
        (path / "hidden_checks.py").write_text(hidden)
    return path


def test_public_checks_come_first_and_hidden_ones_know_it(tmp_path: Path) -> None:
    found = load_checks(folder_with(tmp_path))
    assert [(c.name, c.hidden) for c in found] == [
        ("kl_is_right", False),
        ("kl_is_right_elsewhere", True),
    ]
    require_complete(found, [Question("kl", 3)])


def test_a_kit_without_hidden_checks_loads(tmp_path: Path) -> None:
    assert len(load_checks(folder_with(tmp_path, hidden=None))) == 1


def test_two_assignments_keep_their_modules_apart(tmp_path: Path) -> None:
    one = load_checks(folder_with(tmp_path / "one"))
    other = load_checks(folder_with(tmp_path / "other"))
    modules = {c.function.__module__ for c in (*one, *other)}
    assert len(modules) == 4


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("x = 1\ny = 1 / 0\n", r"checks\.py, line 2: ZeroDivisionError"),
        ("def broken(:\n", r"checks\.py, line 1: SyntaxError"),
        ("import no_such_module\n", r"checks\.py, line 1: ModuleNotFoundError"),
    ],
)
def test_a_file_that_does_not_run_is_told_with_its_line(
    tmp_path: Path, source: str, said: str
) -> None:
    with pytest.raises(AssignmentError, match=said):
        load_checks(folder_with(tmp_path, source))


def test_a_name_used_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AssignmentError, match=r"hidden_checks\.py, line \d+, check 'kl_is_right'"):
        load_checks(folder_with(tmp_path, hidden=PUBLIC))


@pytest.mark.parametrize(
    ("questions", "said"),
    [
        ([Question("vae", 3)], r"checks\.py, line \d+.*question 'kl' is not in assignment\.toml"),
        ([Question("kl", 4)], r"give 3 points, assignment\.toml says 4"),
        ([Question("kl", 3), Question("elbo", 1)], "'elbo' has no check"),
        ([Question("kl", 3, manual=True)], "marked by a person"),
    ],
)
def test_points_and_questions_must_fit(
    tmp_path: Path, questions: list[Question], said: str
) -> None:
    found = load_checks(folder_with(tmp_path))
    with pytest.raises(AssignmentError, match=said):
        require_complete(found, questions)


def test_points_may_differ_by_rounding(tmp_path: Path) -> None:
    thirds = PUBLIC.replace("points=2", "points=0.1"), HIDDEN.replace("points=1", "points=0.2")
    require_complete(load_checks(folder_with(tmp_path, *thirds)), [Question("kl", 0.3)])


def test_manual_questions_need_no_check(tmp_path: Path) -> None:
    questions = [Question("kl", 3), Question("prose", 2, manual=True)]
    require_complete(load_checks(folder_with(tmp_path)), questions)


def test_checks_of_a_file_beside_it_count_however_often_they_are_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "beside_the_checks.py").write_text(PUBLIC)
    own = PUBLIC.replace("kl_is_right", "kl_is_positive")
    (tmp_path / "checks.py").write_text(own + "\nfrom beside_the_checks import kl_is_right\n")
    for _ in range(2):
        found = load_checks(tmp_path)
        assert [check.name for check in found] == ["kl_is_right", "kl_is_positive"]


def test_checks_of_further_files_come_last(tmp_path: Path) -> None:
    (tmp_path / "checks.py").write_text(PUBLIC)
    more = tmp_path / "more.py"
    more.write_text(PUBLIC.replace("kl_is_right", "kl_is_positive"))
    assert [check.name for check in load_checks(tmp_path, more)] == [
        "kl_is_right",
        "kl_is_positive",
    ]


def test_imported_checks_stand_in_the_order_of_their_own_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    second = HIDDEN[HIDDEN.index("@check") :].replace("kl_is_right_elsewhere", "a_consequence")
    (tmp_path / "in_their_order.py").write_text(PUBLIC + second)
    imports = "from in_their_order import a_consequence, kl_is_right\n"
    (tmp_path / "checks.py").write_text(imports)
    assert [check.name for check in load_checks(tmp_path)] == ["kl_is_right", "a_consequence"]
