from __future__ import annotations

from pathlib import Path

import pytest

from grader.assignment import load
from grader.authored import assignment_checks
from grader.dialect import dialects_of, in_dialect
from grader.errors import AssignmentError, UsageError

PAIR = """
title = "Pairs"
modules = ["pair.py"]
checks = "pair_checks.py"

[[question]]
id = "two"
sheet = "7"
function = { name = "pair" }

[[question]]
id = "three"
title = "Three"
points = 3
function = { name = "three" }
"""

PAIR_CHECKS = '''
from grader.checks import Subject, check, expect_close


@check("three", points=3)
def three_is_three(subject: Subject) -> None:
    """Three is three."""
    expect_close(subject.call("three"), 3.0)
'''


@pytest.fixture
def pair(sums: Path) -> Path:
    """The dialect `pair` of the assignment `sums`; its TOML."""
    folder = sums / "dialects"
    folder.mkdir()
    (folder / "pair_checks.py").write_text(PAIR_CHECKS, "utf-8")
    path = folder / "pair.toml"
    path.write_text(PAIR, "utf-8")
    return path


def test_a_dialect_asks_its_own_questions_and_inherits_the_rest(sums: Path, pair: Path) -> None:
    base = load(sums)
    assert dialects_of(base) == ("pair",)
    sheet = in_dialect(base, "pair")
    two, three = sheet.questions
    assert (two.id, two.title, two.points, two.sheet) == ("two", "Two", 2, "7")
    assert two.function is not None
    assert two.checked_as is not None
    assert (two.function.name, two.checked_as.name) == ("pair", "two")
    assert (three.points, three.checked_as) == (3, None)
    assert (sheet.title, sheet.modules, sheet.dialect) == ("Pairs", ("pair.py",), "pair")
    assert sheet.limits == base.limits
    assert sheet.names == {"pair", "three"}


def test_a_dialect_is_decided_by_the_checks_of_its_questions(sums: Path, pair: Path) -> None:
    checks = assignment_checks(in_dialect(load(sums), "pair"))
    assert [check.name for check in checks] == ["two_is_two", "three_is_three"]
    assert [check.name for check in assignment_checks(load(sums))] == ["one_is_one", "two_is_two"]


def test_a_dialect_is_another_version_of_the_assignment(sums: Path, pair: Path) -> None:
    base = load(sums)
    before = in_dialect(base, "pair").digest()
    assert before != base.digest()
    pair.with_name("pair_checks.py").write_text(PAIR_CHECKS + "\n", "utf-8")
    assert in_dialect(base, "pair").digest() != before


def test_a_question_requires_only_what_its_sheet_asks(sums: Path, pair: Path) -> None:
    toml = sums / "assignment.toml"
    toml.write_text(toml.read_text("utf-8") + 'requires = ["one"]\n', "utf-8")
    assert load(sums).questions[1].requires == ("one",)
    assert in_dialect(load(sums), "pair").questions[0].requires == ()


def test_an_unknown_dialect_is_told_with_the_known_ones(sums: Path, pair: Path) -> None:
    with pytest.raises(UsageError, match="no dialect 'triple'; it has pair"):
        in_dialect(load(sums), "triple")


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ('title = "Pairs"\n', "", "title: this key is missing"),
        ("modules", "modulse", "modulse: there is no such key"),
        ("points = 3", "points = -3", "question 'three', points"),
        ('checks = "pair_checks.py"', 'checks = "gone.py"', "there is no gone.py beside it"),
        ('title = "Pairs"', 'folder = "x"', "folder: there is no such key"),
        ("[[question]]", "[[question", "not valid TOML"),
        ('id = "three"', 'id = "two"', "question 'two' stands twice"),
    ],
)
def test_a_wrong_dialect_is_told_by_file_and_key(
    sums: Path, pair: Path, before: str, after: str, said: str
) -> None:
    pair.write_text(PAIR.replace(before, after, 1), "utf-8")
    with pytest.raises(AssignmentError, match=f"pair.toml: .*{said}"):
        in_dialect(load(sums), "pair")
