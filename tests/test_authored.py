from __future__ import annotations

import sys
from pathlib import Path

import pytest

from grader.assignment import load
from grader.authored import assignment_checks, catalogue_of, sentences
from grader.errors import AssignmentError

CATALOGUE = """
from types import SimpleNamespace as N

def one():
    return 1.0

MISTAKES = (N(id="one/two", function="one", says="Count again.", code=lambda: 2.0),)
VARIANTS = (N(id="one", function="one", code=one), N(id="other", function="one", code=None))
"""


@pytest.fixture
def catalogue(sums: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file that `catalogue` in the TOML names."""
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(sys.modules, "known_mistakes", None)
    del sys.modules["known_mistakes"]
    toml = sums / "assignment.toml"
    toml.write_text('catalogue = "known_mistakes"\n' + toml.read_text())
    return tmp_path / "known_mistakes.py"


def test_checks_are_loaded_and_held_against_the_questions(sums: Path) -> None:
    assert [check.name for check in assignment_checks(load(sums))] == ["one_is_one", "two_is_two"]


def test_an_assignment_without_a_catalogue_explains_nothing(sums: Path) -> None:
    assert catalogue_of(load(sums)) is None
    assert sentences(load(sums)) == {}


def test_mistakes_are_put_into_the_first_right_variant(sums: Path, catalogue: Path) -> None:
    catalogue.write_text(CATALOGUE)
    found = catalogue_of(load(sums))
    assert found is not None
    assert found.make_subject({}).call("one") == 1.0
    assert found.make_subject({"one": lambda: 2.0}).call("one") == 2.0
    assert sentences(load(sums)) == {"one/two": "Count again."}


@pytest.mark.parametrize(
    ("code", "what"),
    [
        (None, "ModuleNotFoundError"),
        ("def", "SyntaxError"),
        ("1 / 0", "ZeroDivisionError"),
        ("MISTAKES = ()", "has no VARIANTS"),
        ("VARIANTS = ()", "has no MISTAKES"),
    ],
)
def test_a_catalogue_that_is_none_names_file_and_key(
    sums: Path, catalogue: Path, code: str | None, what: str
) -> None:
    if code is not None:
        catalogue.write_text(code)
    with pytest.raises(AssignmentError, match=rf"assignment\.toml: catalogue: .*{what}"):
        catalogue_of(load(sums))
