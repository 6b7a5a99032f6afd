from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from grader.assignment import Assignment, installed, load
from grader.errors import AssignmentError, UsageError

QUESTION = '[[question]]\nid = "kl"\ntitle = "KL"\npoints = 2\n'


@pytest.fixture
def loaded(tmp_path: Path) -> Callable[[str], Assignment]:
    def write_and_load(toml: str) -> Assignment:
        (tmp_path / "assignment.toml").write_text(toml, "utf-8")
        return load(tmp_path)

    return write_and_load


def test_sizes_are_read_in_binary_units(loaded: Callable[[str], Assignment]) -> None:
    limits = loaded(
        f'title = "T"\nlimits = {{ memory = "1.5 GiB", disk = "8KiB" }}\n{QUESTION}'
    ).limits
    assert limits.memory == 3 * 2**29
    assert limits.disk == 8 * 2**10


def test_the_name_is_that_of_the_folder(sums: Path) -> None:
    assignment = load(sums)
    assert assignment.name == "sums"
    assert [question.id for question in assignment.questions] == ["one", "two"]
    assert not assignment.questions[0].manual


@pytest.mark.parametrize(
    ("toml", "where", "what"),
    [
        ("title = \nversion = 1", "line 1", "not valid TOML"),
        ("", "title", "missing; add it"),
        ('title = "T"\nquestion = []', "question", "write a [[question]]"),
        (f"title = 3\n{QUESTION}", "title", "valid string, not 3"),
        (f'title = "T"\nfolder = "x"\n{QUESTION}', "folder", "no such key; take it out"),
        (f'title = "T"\nversoin = 2\n{QUESTION}', "versoin", "did you mean 'version'?"),
        (f'title = "T"\nxyzzy = 2\n{QUESTION}', "xyzzy", "no such key; rename it"),
        (f'title = "T"\n[limits]\nmemory = "4 GB"\n{QUESTION}', "limits.memory", "not '4 GB'"),
        (f'title = "T"\n[limits]\nmemory = []\n{QUESTION}', "limits.memory", "integer, not []"),
        (f'title = "T"\n[limits]\ncell_seconds = 0\n{QUESTION}', "limits.cell_seconds", "than 0"),
        (f'title = "T"\n[limits]\ncell_seconds = inf\n{QUESTION}', "limits.cell_s", "finite"),
        (f'title = "T"\n{QUESTION}{QUESTION}', "question 'kl'", "stands twice"),
        (f'title = "T"\n{QUESTION}requires = ["elbo"]', "question 'kl', requires", "no question"),
        (f'title = "T"\n{QUESTION}requires = ["kl"]', "question 'kl', requires", "'kl' before it"),
        (f'title = "T"\n{QUESTION}pionts = 1', "question 'kl', pionts", "did you mean 'points'?"),
        (f'title = "T"\n{QUESTION}also = 1', "question 'kl', also", "takes a list, not 1"),
        (f'title = "T"\n{QUESTION}function = "KLD"', "question 'kl', function", "takes a table"),
        ('title = "T"\n[[question]]\ntitle = "K"\npoints = 1', "question number 1, id", "missing"),
        ('title = "T"\nquestion = ["kl"]', "question number 1", "takes a table, not 'kl'"),
        (
            'title = "T"\n[[question]]\nid = "kl"\ntitle = "K"\npoints = nan',
            "question 'kl', points",
            "finite number",
        ),
        (
            f'title = "T"\n{QUESTION}threshold = {{ metric = "bpd", full = 2, zero = 2.0 }}',
            "question 'kl', threshold",
            "same figure",
        ),
        (f'title = "T"\nparameters = {{ "a b" = 1 }}\n{QUESTION}', "parameters.a b", "pattern"),
    ],
)
def test_an_error_is_one_line_with_file_key_and_remedy(
    loaded: Callable[[str], Assignment], tmp_path: Path, toml: str, where: str, what: str
) -> None:
    with pytest.raises(AssignmentError) as raised:
        loaded(toml)
    message = str(raised.value)
    assert str(tmp_path / "assignment.toml") in message
    assert where in message
    assert what in message
    assert "\n" not in message
    assert "pydantic" not in message


def test_further_errors_are_counted(loaded: Callable[[str], Assignment]) -> None:
    with pytest.raises(AssignmentError, match=r"cell_seconds.*\(and 1 more\)"):
        loaded(f'title = "T"\n[limits]\ncell_seconds = 0\ntotal_seconds = -1\n{QUESTION}')


def test_bytes_that_are_no_text_are_named(tmp_path: Path) -> None:
    (tmp_path / "assignment.toml").write_bytes(b'title = "\xff"')
    with pytest.raises(AssignmentError, match="not valid TOML"):
        load(tmp_path)


def test_an_unreadable_file_is_named(sums: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(*_: object) -> str:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_text", denied)
    with pytest.raises(AssignmentError, match=r"cannot be read \(Permission denied\)"):
        load(sums)


def test_an_unknown_assignment_says_which_there_are(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no assignment 'vea'.*vae.*grader new"):
        load("vea")
    with pytest.raises(UsageError, match=r"not a folder with an assignment\.toml"):
        load(tmp_path)


def test_an_installed_assignment_is_found_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert load("vae").folder == installed()["vae"]


def test_a_rubric_makes_a_question_manual(loaded: Callable[[str], Assignment]) -> None:
    assert loaded(f'title = "T"\n{QUESTION}rubric = "1 point: says why."').questions[0].manual


@pytest.mark.parametrize("file", ["checks.py", "assignment.toml", "hidden_checks.py"])
def test_the_digest_changes_with_every_file_that_decides(sums: Path, file: str) -> None:
    before = load(sums).digest()
    assert load(sums).digest() == before
    with (sums / file).open("a") as text:
        text.write("# more\n")
    assert load(sums).digest() != before


def test_the_digest_ignores_what_decides_nothing(sums: Path) -> None:
    before = load(sums).digest()
    (sums / "README.md").write_text("How to mark.")
    assert load(sums).digest() == before
