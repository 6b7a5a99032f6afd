"""Every example submission gets what its author says it has to get, through the real command."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest

ASSIGNMENTS = Path(__file__).parents[1] / "assignments"
FILES = sorted(ASSIGNMENTS.glob("*/submissions/expected.toml"))
EXPECTED: dict[str, dict[str, Any]] = {
    path.parents[1].name: tomllib.loads(path.read_text("utf-8")) for path in FILES
}
# A run of each topic takes ten seconds before its first submission.
QUICK = ("vae",)
Rows = Mapping[str, Mapping[str, Any]]
Graded = Callable[[str], Rows]

pytestmark = pytest.mark.sandbox


def marks(topic: str) -> list[pytest.MarkDecorator]:
    return [] if topic in QUICK else [pytest.mark.slow]


topics = pytest.mark.parametrize(
    "topic", [pytest.param(topic, marks=marks(topic)) for topic in EXPECTED]
)
examples = pytest.mark.parametrize(
    ("topic", "student"),
    [
        pytest.param(topic, student, marks=marks(topic))
        for topic, expected in EXPECTED.items()
        for student in expected
    ],
)


@pytest.fixture(scope="module")
def graded(tmp_path_factory: pytest.TempPathFactory) -> Graded:
    """Results of a topic's examples by student, once they are asked for."""

    @cache
    def run(topic: str) -> Rows:
        out = tmp_path_factory.mktemp("examples")
        folder = ASSIGNMENTS / topic / "submissions"
        command = [sys.executable, "-m", "grader.cli", "run", str(folder), "--out", str(out)]
        subprocess.run(command, check=True, capture_output=True, timeout=900)
        rows = json.loads((out / "results.json").read_text("utf-8"))["submissions"]
        return {row["student_id"]: row for row in rows}

    return run


@topics
def test_every_example_has_an_expectation_and_a_result(graded: Graded, topic: str) -> None:
    assert set(graded(topic)) == set(EXPECTED[topic])


@examples
def test_an_example_gets_its_score(graded: Graded, topic: str, student: str) -> None:
    row, expected = graded(topic)[student], EXPECTED[topic][student]
    low, high = expected["score"]
    assert low <= row["score"] <= high
    assert row["status"] == expected["status"]


@examples
def test_an_example_gets_its_verdicts(graded: Graded, topic: str, student: str) -> None:
    verdicts = graded(topic)[student]["verdicts"]
    for question, allowed in EXPECTED[topic][student]["verdicts"].items():
        found = question_verdict([v for v in verdicts if v["question"] == question])
        assert found in ([allowed] if isinstance(allowed, str) else allowed), question


@examples
def test_the_mistakes_of_an_example_are_named(graded: Graded, topic: str, student: str) -> None:
    verdicts = graded(topic)[student]["verdicts"]
    named = {mistake for v in verdicts for mistake in v["mistakes"]}
    assert named == set(EXPECTED[topic][student]["mistakes"])


def test_a_lost_half_is_shown_with_a_counterexample(graded: Graded) -> None:
    verdicts = graded("vae")["missing-half"]["verdicts"]
    failed = [v for v in verdicts if "kl/missing-half" in v["mistakes"]]
    examples = [v["counterexample"] for v in failed if v["counterexample"]]
    example = next(example for example in examples if example["function"] == "KLD")
    assert set(example["given"]) == {"mean", "log_std"}


def test_a_printed_figure_earns_nothing(graded: Graded) -> None:
    forged = graded("vae")["forged-bpd"]
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
