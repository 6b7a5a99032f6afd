from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from grader import run
from grader import settings as shared
from grader.assignment import Assignment, load
from grader.checks.verdict import Outcome, Verdict
from grader.described import failed_on_our_side
from grader.errors import AssignmentError, UsageError
from grader.results import SubmissionResult
from grader.run import Listener, grade, require_ready
from grader.settings import Settings
from grader.submission import Submission
from tests.conftest import RIGHT


def submitted(folder: Path, student: str = "ann") -> Submission:
    own = folder / student
    return Submission(student, "Ann", own / "sums.ipynb", folder=own, digest=f"digest of {student}")


def graded(submission: Submission, settings: Settings) -> SubmissionResult:
    return grade(submission, settings, 0, Listener(lambda *_: None, lambda _: None))


def outcomes(result: SubmissionResult) -> list[str]:
    return [verdict.verdict.value for verdict in result.verdicts]


def test_a_submission_is_executed_probed_and_decided(
    hand_in: Callable[..., Path], settings: Settings
) -> None:
    cells: list[tuple[int, int]] = []
    verdicts: list[Verdict] = []
    listener = Listener(lambda index, count: cells.append((index, count)), verdicts.append)
    result = grade(submitted(hand_in("ann")), settings, 0, listener)
    assert (result.status, result.score, result.max_score) == ("graded", 3, 3)
    assert cells == [(0, 1)]
    assert tuple(verdicts) == result.verdicts
    assert (settings.notebooks / result.executed).is_file()
    assert result.assignment_digest == settings.assignment.digest()
    assert result.provenance.held_out == "digits/test (360 images)"
    assert result.provenance.isolation == "none"
    assert result.provenance.fixed == {
        "PYTHONHASHSEED": "0",
        "OMP_NUM_THREADS": str(settings.threads),
    }
    assert 0 < result.provenance.execute_seconds < result.provenance.wall_seconds


def test_a_kernel_that_died_is_the_students(
    hand_in: Callable[..., Path], settings: Settings
) -> None:
    result = graded(submitted(hand_in("ann", "import os\nos._exit(0)")), settings)
    assert (result.status, result.score, result.max_score) == ("crashed", 0, 3)
    assert outcomes(result) == ["error", "error"]


def test_an_exception_by_the_name_of_torchs_says_nothing_of_a_gpu_where_there_is_none(
    hand_in: Callable[..., Path], settings: Settings
) -> None:
    source = f"{RIGHT}\n\nclass OutOfMemoryError(Exception):\n    pass\n\nraise OutOfMemoryError"
    result = graded(submitted(hand_in("ann", source)), settings)
    assert (result.status, result.reason, result.score) == ("graded", "", 3)


def test_a_check_that_raises_is_ours_and_gives_no_score(
    hand_in: Callable[..., Path], settings: Settings, sums: Path
) -> None:
    broken = (sums / "checks.py").read_text().replace('subject.call("two"), 2.0', "1 / 0, 2.0")
    (sums / "checks.py").write_text(broken)
    run.assignment_checks.__globals__["_loaded"].cache_clear()
    result = graded(submitted(hand_in("ann")), settings)
    assert outcomes(result) == ["passed", "infrastructure"]
    assert result.status == "infrastructure"
    assert "two_is_two" in result.reason
    assert "ZeroDivisionError" in result.verdicts[1].evidence["traceback"]


def test_without_a_notebook_every_question_is_missing(settings: Settings) -> None:
    result = graded(Submission("ann", "Ann", problem="the folder is empty"), settings)
    assert (result.status, result.reason) == ("unreadable", "the folder is empty")
    assert outcomes(result) == ["missing", "missing"]
    assert graded(Submission("ann", "Ann"), settings).reason == (
        "there is no notebook among the files"
    )


def test_what_an_earlier_run_left_is_not_taken_for_this_one(
    hand_in: Callable[..., Path], settings: Settings
) -> None:
    folder = hand_in("ann")
    stale = settings.notebooks / "ann.ipynb"
    stale.write_text((folder / "ann" / "sums.ipynb").read_text())
    (folder / "ann" / "sums.ipynb").write_text("{")
    result = graded(submitted(folder), settings)
    assert result.status == "unreadable"
    assert "is not JSON" in result.reason
    assert result.executed == ""
    assert not stale.exists()


def test_a_fault_of_ours_has_identity_and_reason(settings: Settings) -> None:
    result = failed_on_our_side(Submission("ann", "Ann", late=True), settings, "no sandbox")
    assert (result.status, result.reason, result.late) == ("infrastructure", "no sandbox", True)
    assert result.verdicts == ()


def test_the_key_changes_with_whatever_can_change_a_verdict(settings: Settings, sums: Path) -> None:
    one = Submission("ann", "Ann", digest="1")
    keys = {
        settings.key(one),
        settings.key(replace(one, digest="2")),
        replace(settings, tier="bwrap").key(one),
        replace(settings, data_set="mnist").key(one),
        replace(settings, secret=b"another").key(one),
    }
    (sums / "checks.py").write_text((sums / "checks.py").read_text() + "# stricter\n")
    keys.add(settings.key(one))
    assert len(keys) == 6


def test_the_key_stays_when_nothing_of_it_matters(settings: Settings, tmp_path: Path) -> None:
    one = Submission("ann", "Ann", digest="1")
    other = replace(settings, threads=7, notebooks=tmp_path, library=tmp_path)
    assert other.key(replace(one, name="Ann B.", late=True)) == settings.key(one)


def test_the_secret_is_not_printed(settings: Settings) -> None:
    assert "of the course" not in repr(settings)


def test_held_out_data_are_read_once_for_all(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared.held_out_images.cache_clear()
    read = shared.held_out
    calls: list[object] = []
    monkeypatch.setattr(shared, "held_out", lambda data: (calls.append(data), read(data))[1])
    for student in ("ann", "bob"):
        graded(Submission(student, student), settings)
    assert shared.held_out_in_words(settings) == "digits/test (360 images)"
    assert len(calls) == 1


def idx(folder: Path, name: str, data: bytes) -> None:
    (folder / f"{name}.gz").write_bytes(gzip.compress(data, mtime=0))


def test_malformed_data_show_before_anything_runs(settings: Settings, tmp_path: Path) -> None:
    for name in ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1"):
        idx(tmp_path, f"{name}-ubyte", b"no IDX")
    with pytest.raises(UsageError, match="t10k-images"):
        require_ready(replace(settings, data_set="mnist", data_dir=tmp_path))
    with pytest.raises(UsageError, match="--data-dir"):
        require_ready(replace(settings, data_set="mnist"))


def test_an_authors_error_shows_before_anything_runs(settings: Settings) -> None:
    require_ready(settings)
    extra = replace(settings, assignment=_with_points(settings.assignment, 7))
    with pytest.raises(AssignmentError, match="give 1 points"):
        require_ready(extra)


def _with_points(assignment: Assignment, points: float) -> Assignment:
    first = assignment.questions[0].model_copy(update={"points": points})
    return assignment.model_copy(update={"question": (first, *assignment.questions[1:])})


def test_another_data_set_is_told_to_the_notebook(settings: Settings, sums: Path) -> None:
    toml = sums / "assignment.toml"
    toml.write_text("parameters = { epochs = 1 }\n" + toml.read_text())
    settings = replace(settings, assignment=load(sums))
    assert run._parameters(settings) == {"epochs": 1}
    other = replace(settings, data_set="mnist")
    assert run._parameters(other) == {"epochs": 1, "data_set": "mnist"}


def test_recomputed_figures_are_collected_from_the_evidence() -> None:
    facts = {"recomputed": {"bpd": [1, 0.9, 1.1]}}
    verdicts = [
        Verdict("bpd", "bpd", Outcome.PASSED, 1, 1, evidence=facts),
        Verdict("kl", "kl", Outcome.PASSED, 1, 1),
    ]
    assert run._recomputed(verdicts) == {"bpd": (1.0, 0.9, 1.1)}


def test_results_name_the_versions_they_were_reached_with(settings: Settings) -> None:
    versions = shared.package_versions()
    assert {"grader", "torch", "numpy"} <= set(versions)
    assert json.loads(json.dumps(versions)) == versions
