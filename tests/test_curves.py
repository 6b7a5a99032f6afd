from __future__ import annotations

import math
from pathlib import Path

import pytest
from pydantic import ValidationError

from grader.assignment import Assignment, LearningCurve, Question
from grader.curves import claimed, curves_of
from grader.kernel.gone import GoneSubject
from grader.kernel.inside import dispatch
from grader.kernel.local import LocalSubject
from grader.results import ClaimedCurve, SubmissionResult

WANTED = LearningCurve(metric="bpd", below=((1, 2.0),))
ASSIGNMENT = Assignment(
    title="T", question=(Question(id="bits", title="Bits", points=0, curve=WANTED),)
)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_variable_goes_before_a_file(folder: Path) -> None:
    (folder / "metrics.csv").write_text("bpd\n9\n", "utf-8")
    (found,) = curves_of(LocalSubject({"history": [3.0]}), ASSIGNMENT).values()
    assert found.values == (3.0,)


def test_a_log_below_the_working_folder_is_found(folder: Path) -> None:
    (folder / "lightning_logs" / "version_0").mkdir(parents=True)
    (folder / "lightning_logs" / "version_0" / "metrics.csv").write_text("bpd\n3\n2\n", "utf-8")
    (found,) = curves_of(LocalSubject({}), ASSIGNMENT).values()
    assert found.values == (3.0, 2.0)


def test_large_files_and_links_in_a_circle_are_left_out(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dispatch, "MOST_FILE_BYTES", 10)
    (folder / "large.csv").write_text("bpd\n" + "1\n" * 10, "utf-8")
    (folder / "small.csv").write_text("bpd\n1\n", "utf-8")
    (folder / "circle").symlink_to(folder)
    (folder / "folder.csv").mkdir()
    assert LocalSubject({}).files(["*.csv"]) == {"small.csv": b"bpd\n1\n"}


def test_a_kernel_that_is_gone_has_no_curve() -> None:
    assert curves_of(GoneSubject("it died", "error"), ASSIGNMENT) == {}


def test_a_claim_keeps_what_it_does_not_show_and_survives_json(folder: Path) -> None:
    curves = curves_of(LocalSubject({"history": [3.0, math.inf]}), ASSIGNMENT)
    kept = claimed(curves, ASSIGNMENT)
    sentence = "After 1 epoch bpd should be below 2; your curve is at 3."
    assert kept == {"bpd": ClaimedCurve((1, 2), (3.0, None), "history", (sentence,))}
    result = SubmissionResult("1", "A", "t", "graded", curves=kept)
    assert SubmissionResult.from_json(result.to_json()) == result


def test_results_of_earlier_versions_have_no_curves() -> None:
    row = SubmissionResult("1", "A", "t", "graded").to_json()
    del row["curves"]
    assert SubmissionResult.from_json(row).curves == {}


def test_levels_without_an_untrained_value_are_the_authors_error() -> None:
    with pytest.raises(ValidationError, match="set first_epoch = 0"):
        LearningCurve(metric="bpd", levels=16)
