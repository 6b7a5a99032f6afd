from __future__ import annotations

import json
import math

from grader.checks.verdict import Outcome, Verdict
from grader.export.results import results_json
from grader.results import SubmissionResult


def test_the_file_is_json_whatever_was_recomputed() -> None:
    verdict = Verdict("bpd", "bpd", Outcome.FAILED, 0, 1, evidence={"figures": (1.0, math.inf)})
    result = SubmissionResult(
        "ann", "Ann", "vae", "graded", (verdict,), recomputed={"bpd": (math.nan, 1.5, math.inf)}
    )

    def refuse(name: str) -> None:
        raise AssertionError(name)

    read = json.loads(results_json([result]), parse_constant=refuse)
    (row,) = read["submissions"]
    assert row["recomputed"] == {"bpd": [None, 1.5, None]}
    assert row["verdicts"][0]["evidence"] == {"figures": [1.0, None]}
    assert row["student_id"] == "ann"


def test_a_student_is_a_line() -> None:
    results = [SubmissionResult(name, name, "vae", "graded") for name in ("ann", "bob")]
    text = results_json(results)
    lines = [line.rstrip(",") for line in text.splitlines() if "student_id" in line]
    assert [json.loads(line) for line in lines] == json.loads(text)["submissions"]
    assert [json.loads(line)["name"] for line in lines] == ["ann", "bob"]
