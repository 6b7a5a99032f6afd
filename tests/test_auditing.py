from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from grader import auditing
from grader.checks import Catalogue
from grader.cli import app

TOML = """
title = "Halves"
catalogue = "halves"

[[question]]
id = "half"
sheet = "1"
title = "Half of a number"
points = 2
function = { name = "halve", arguments = ["values"] }
"""
FIGURE = """
[[question]]
id = "figure"
title = "A figure"
points = 1
"""
CHECKS = '''
import numpy as np
from grader.checks import Expected, Subject, check, expect, expect_all_close

ROWS = [np.array(row, np.float32) for row in ([1.0], [2.0, 3.0], [-4.0, 0.5, 8.0])]

@check("half", points=1)
def is_half(subject: Subject) -> None:
    """halve returns half of every value."""
    print("a check that prints")
    inputs = [(row,) for row in ROWS]
    halves = [Expected(row / 2) for row in ROWS]
    expect_all_close(subject.map("halve", inputs), halves, given=inputs)

@check("half", points=1)
def is_odd(subject: Subject) -> None:
    """halve changes its sign with its argument."""
    for row in ROWS:
        same = np.array_equal(subject.call("halve", -row), -subject.call("halve", row))
        expect(same, "The sign is lost.")
'''
CATALOGUE = """
from reference.mistakes.catalogue import Mistake, Variant

MISTAKES = [
    Mistake("half/doubled", "halve", "Too much.", lambda x: 2 * x, ("is_half",)),
    Mistake("half/absolute", "halve", "What of the sign?", lambda x: x.abs() / 2, ("is_odd",)),
]
VARIANTS = [
    Variant("half/divided", "halve", lambda x: x / 2),
    Variant("half/multiplied", "halve", lambda x: 0.5 * x),
]
"""
Audit = Callable[..., Result]


@pytest.fixture
def audit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Audit:
    """Audits the little assignment, with something added to one of its files."""
    monkeypatch.delitem(sys.modules, "halves", raising=False)
    monkeypatch.syspath_prepend(tmp_path)

    def run(*options: str, toml: str = "", checks: str = "", catalogue: str = "") -> Result:
        (tmp_path / "assignment.toml").write_text(TOML + toml)
        (tmp_path / "checks.py").write_text(CHECKS + checks)
        (tmp_path / "halves.py").write_text(CATALOGUE + catalogue)
        return CliRunner().invoke(app, ["audit", str(tmp_path), *options])

    return run


def problems_of(result: Result) -> list[str]:
    lines = result.stdout.splitlines()
    return [line.removeprefix("problem: ") for line in lines if line.startswith("problem: ")]


def test_a_clean_assignment_is_fit_for_release(audit: Audit) -> None:
    result = audit()
    assert result.exit_code == 0
    assert problems_of(result) == []
    assert "2 of 2 mistakes killed, 2 named · correct variants: 3 of 3 pass · " in result.stdout
    assert "half/absolute  is_half, is_odd  itself" in result.stdout
    assert result.stderr.splitlines()[0] == f"auditing {Path(sys.path[0]).name}: 5 solutions"


def test_a_catalogue_serves_a_dialect_in_which_the_function_has_another_name(
    audit: Audit, tmp_path: Path
) -> None:
    dialects = tmp_path / "dialects"
    dialects.mkdir()
    asked = '[[question]]\nid = "half"\nfunction = { name = "of_two", arguments = ["values"] }'
    (dialects / "other.toml").write_text(f'title = "Other"\n{asked}\n')
    result = audit("--dialect", "other")
    assert problems_of(result) == []
    assert "2 of 2 mistakes killed, 2 named" in result.stdout


@pytest.mark.parametrize(
    ("added", "said"),
    [
        (
            {"catalogue": "MISTAKES.append(Mistake('half/right', 'halve', '?', lambda x: x / 2))"},
            "mistake half/right survives every check",
        ),
        (
            {"catalogue": "VARIANTS.append(Variant('half/third', 'halve', lambda x: x / 3))"},
            "half/third is right and fails is_half",
        ),
        (
            {
                "toml": FIGURE + 'function = { name = "halve" }\n',
                "checks": "@check('figure', points=1)\n"
                "def is_there(subject: Subject) -> None:\n"
                "    'halve is called.'\n"
                "    subject.call('halve', ROWS[0])\n",
            },
            "check is_there kills no mistake",
        ),
    ],
)
def test_each_problem_is_one_sentence_and_fails_the_audit(
    audit: Audit, added: dict[str, str], said: str
) -> None:
    result = audit(**added)
    assert result.exit_code == 1
    assert problems_of(result) == [said]


def test_json_is_one_document_whatever_checks_print(audit: Audit) -> None:
    result = audit("--json")
    document = json.loads(result.stdout)
    assert result.exit_code == 0
    assert document["mistakes"][0]["id"] == "half/doubled"
    assert document["mistakes"][0]["killed_by"] == ["is_half"]
    assert document["mistakes"][0]["named_as"] == ["half/doubled"]
    assert [(v["id"], v["passed"]) for v in document["variants"]] == [
        ("the right solution", True),
        ("half/divided", True),
        ("half/multiplied", True),
    ]
    assert [check["name"] for check in document["checks"]] == ["is_half", "is_odd"]
    assert document["problems"] == document["not_audited"] == []
    assert "a check that prints" in result.stderr


def test_a_bar_does_not_reach_the_document(audit: Audit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    result = audit("--json")
    assert json.loads(result.stdout)["problems"] == []
    assert "5/5" in result.stderr


def test_json_holds_the_problems_and_fails(audit: Audit) -> None:
    added = "VARIANTS.append(Variant('half/third', 'halve', lambda x: x / 3))"
    result = audit("--json", catalogue=added)
    assert result.exit_code == 1
    assert json.loads(result.stdout)["problems"] == ["half/third is right and fails is_half"]


def test_two_entries_of_one_name_would_hide_each_other(audit: Audit) -> None:
    result = audit(catalogue="VARIANTS.append(Variant('half/divided', 'halve', lambda x: x / 2))")
    assert result.exit_code == 1
    assert result.stdout == ""
    assert "halves has two entries 'half/divided'; rename one" in result.stderr


def test_what_a_run_leaves_behind_is_listed_and_no_problem(audit: Audit) -> None:
    figure = (
        "@check('figure', points=1)\n"
        "def is_shown(outputs: list) -> None:\n"
        "    'There is a figure.'\n"
        "    assert outputs\n"
    )
    result = audit(toml=FIGURE, checks=figure)
    assert result.exit_code == 0
    assert "not audited: judged on a run of the notebook" in result.stdout
    listed = json.loads(audit("--json", toml=FIGURE, checks=figure).stdout)["not_audited"]
    assert [entry["name"] for entry in listed] == ["is_shown"]


def test_a_mistake_may_stand_in_for_a_variable(audit: Audit) -> None:
    checks = (
        "@check('figure', points=1)\n"
        "def is_positive(subject: Subject) -> None:\n"
        "    'start is positive.'\n"
        "    expect(subject.value('start') > 0, 'start is not positive.')\n"
    )
    catalogue = (
        "SOLUTION = {'start': 1.0}\n"
        "MISTAKES.append(Mistake('start/negative', 'start', 'Less.', -1.0, ('is_positive',)))\n"
    )
    toml = FIGURE + 'function = { name = "halve" }\n'
    assert audit(toml=toml, checks=checks, catalogue=catalogue).exit_code == 0


def test_the_page_is_written_where_it_is_asked_for(audit: Audit, tmp_path: Path) -> None:
    result = audit("--out", str(tmp_path / "made" / "here"))
    page = tmp_path / "made" / "here" / "audit.html"
    assert result.stdout.splitlines()[-1] == str(page)
    assert "half/doubled" in page.read_text()


def test_a_page_that_cannot_be_written_is_one_sentence(audit: Audit, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    result = audit("--out", str(tmp_path / "taken"))
    assert result.exit_code == 1
    assert "cannot be written" in result.stderr
    assert "choose another folder with --out" in result.stderr


def test_an_assignment_without_a_catalogue_is_told_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "assignment.toml").write_text(TOML.replace('catalogue = "halves"', ""))
    (tmp_path / "checks.py").write_text(CHECKS)
    result = CliRunner().invoke(app, ["audit", str(tmp_path)])
    assert result.exit_code == 1
    assert "name a module with MISTAKES and VARIANTS" in result.stderr


def require_fit(document: dict[str, Any]) -> None:
    """Demands what an assignment that comes with grader has to show."""
    mistakes = document["mistakes"]
    assert list(document["problems"]) == []
    assert [row["id"] for row in mistakes if not row["killed_by"]] == []
    assert [row["id"] for row in document["variants"] if not row["passed"]] == []
    named = [row for row in mistakes if row["id"] in row["named_as"] and len(row["named_as"]) <= 2]
    assert len(named) >= 0.95 * len(mistakes)


def test_a_part_of_the_vae_is_fit_for_release(monkeypatch: pytest.MonkeyPatch) -> None:
    functions = {"gaussian_examples", "sample_reparameterize", "elbo_to_bpd", "visualize_manifold"}
    checks, catalogue_of, variants_of = (
        auditing.assignment_checks,
        auditing.catalogue_of,
        auditing.variants_of,
    )

    def some_checks(assignment: Any) -> tuple[Any, ...]:
        asked = {q.id for q in assignment.questions if q.function and q.function.name in functions}
        return tuple(check for check in checks(assignment) if check.question in asked)

    def some_mistakes(assignment: Any) -> Catalogue:
        whole = catalogue_of(assignment)
        assert whole is not None
        return Catalogue([m for m in whole.mistakes if m.function in functions], whole.make_subject)

    monkeypatch.setattr(auditing, "assignment_checks", some_checks)
    monkeypatch.setattr(auditing, "catalogue_of", some_mistakes)
    monkeypatch.setattr(
        auditing, "variants_of", lambda a: [v for v in variants_of(a) if v.function in functions]
    )
    document = auditing.audit_assignment("vae").to_json()
    assert len(document["mistakes"]) > 40
    require_fit(document)


@pytest.mark.slow
def test_the_vae_is_fit_for_release() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "grader.cli", "audit", "vae", "--json"],
        capture_output=True,
        text=True,
        check=False,
    )
    document = json.loads(done.stdout)
    assert done.returncode == 0
    assert len(document["mistakes"]) > 120
    assert [entry["name"] for entry in document["not_audited"]] == [
        "held_out_images_are_coded_in_few_bits",
        "samples_are_shown_as_a_grid",
    ]
    require_fit(document)
