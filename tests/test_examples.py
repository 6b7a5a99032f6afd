"""Every example submission gets what its author says it has to get, through the real command."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

ASSIGNMENTS = Path(__file__).parents[1] / "assignments"
FILES = sorted(ASSIGNMENTS.glob("*/submissions/expected.toml"))
# By "assignment/student".
EXPECTED: dict[str, Any] = {
    f"{path.parents[1].name}/{student}": expected
    for path in FILES
    for student, expected in tomllib.loads(path.read_text("utf-8")).items()
}

pytestmark = pytest.mark.sandbox


@pytest.fixture(scope="module")
def graded(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Mapping[str, Any]]:
    rows = {}
    for path in FILES:
        out = tmp_path_factory.mktemp("examples")
        command = [sys.executable, "-m", "grader.cli", "run", str(path.parent), "--out", str(out)]
        subprocess.run(command, check=True, capture_output=True, timeout=900)
        for row in json.loads((out / "results.json").read_text("utf-8"))["submissions"]:
            rows[f"{row['assignment']}/{row['student_id']}"] = row
    return rows


def test_every_example_has_an_expectation_and_a_result(graded: Mapping[str, Any]) -> None:
    assert set(graded) == set(EXPECTED)


@pytest.mark.parametrize("student", EXPECTED)
def test_an_example_gets_its_score(graded: Mapping[str, Any], student: str) -> None:
    low, high = EXPECTED[student]["score"]
    assert low <= graded[student]["score"] <= high
    assert graded[student]["status"] == EXPECTED[student]["status"]


@pytest.mark.parametrize("student", EXPECTED)
def test_an_example_gets_its_verdicts(graded: Mapping[str, Any], student: str) -> None:
    for question, allowed in EXPECTED[student]["verdicts"].items():
        found = question_verdict(
            [v for v in graded[student]["verdicts"] if v["question"] == question]
        )
        assert found in ([allowed] if isinstance(allowed, str) else allowed), question


@pytest.mark.parametrize("student", EXPECTED)
def test_the_mistakes_of_an_example_are_named(graded: Mapping[str, Any], student: str) -> None:
    named = {mistake for v in graded[student]["verdicts"] for mistake in v["mistakes"]}
    assert named == set(EXPECTED[student]["mistakes"])


def test_a_lost_half_is_shown_with_a_counterexample(graded: Mapping[str, Any]) -> None:
    failed = [
        v for v in graded["vae/missing-half"]["verdicts"] if "kl/missing-half" in v["mistakes"]
    ]
    examples = [v["counterexample"] for v in failed if v["counterexample"]]
    example = next(example for example in examples if example["function"] == "KLD")
    assert set(example["given"]) == {"mean", "log_std"}


def test_a_printed_figure_earns_nothing(graded: Mapping[str, Any]) -> None:
    forged = graded["vae/forged-bpd"]
    (verdict,) = [v for v in forged["verdicts"] if v["question"] == "bpd-test"]
    assert forged["printed"]["bpd"] == 0.01
    assert verdict["points"] == 0
    # 16 levels told apart by nothing cost 4 bits; an untrained model can only be near that.
    assert forged["recomputed"]["bpd"][0] == pytest.approx(4, abs=0.2)


def question_verdict(verdicts: list[Mapping[str, Any]]) -> str:
    """As `expected.toml` defines it."""
    if all(verdict["verdict"] == "passed" for verdict in verdicts):
        return "passed"
    if any(verdict["points"] > 0 for verdict in verdicts):
        return "partial"
    return str(next(v["verdict"] for v in verdicts if v["verdict"] != "passed"))
