from __future__ import annotations

import csv
import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from grader import batch, inference, slots
from grader.batch import Options, Outcome, run_batch, write_outputs
from grader.errors import AssignmentError, InfrastructureError, UsageError
from grader.results import Status, SubmissionResult
from grader.schedule import events
from grader.settings import Settings
from grader.store import Store
from grader.submission import Submission
from tests.batches import Recorded, Run
from tests.conftest import RIGHT


def decided(submission: Submission, settings: Settings) -> SubmissionResult:
    status: Status = "graded" if submission.notebook else "unreadable"
    return SubmissionResult(
        submission.student_id,
        submission.name,
        settings.assignment.name,
        status,
        reason=submission.problem or "",
    )


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Finishes every submission at once: what is under test is which ones run."""

    def finish(
        pending: Sequence[Submission],
        settings: Settings,
        jobs: int,
        tell: Callable[[events.Event], None],
    ) -> None:
        for submission in pending:
            tell(events.Started(submission.student_id))
            result = decided(submission, settings)
            tell(events.Finished(submission.student_id, result))

    monkeypatch.setattr(batch, "run_all", finish)


def statuses(outcome: Outcome) -> dict[str, str]:
    return {result.student_id: result.status for result in outcome.results}


def test_a_class_is_graded_and_written_down(
    hand_in: Callable[..., Path], sums: Path, run: Run, tmp_path: Path
) -> None:
    hand_in("ann")
    folder = hand_in("bob", "def one():\n    return 1.0")
    outcome, display = run(folder, assignment=str(sums))
    assert [(r.student_id, r.score) for r in outcome.results] == [("ann", 3), ("bob", 1)]
    assert display.ran == ["ann", "bob"]
    assert display.plans[0].held_out == "digits/test (360 images)"
    rows = json.loads((tmp_path / "out/results.json").read_text())["submissions"]
    assert [SubmissionResult.from_json(row) for row in rows] == list(outcome.results)
    with (tmp_path / "out/grades.csv").open(newline="") as file:
        assert [(r["student_id"], r["score"]) for r in csv.DictReader(file)] == [
            ("ann", "3"),
            ("bob", "1"),
        ]
    assert (tmp_path / "out/report/index.html").is_file()


@pytest.mark.usefixtures("quick")
def test_only_what_has_changed_runs_again(
    hand_in: Callable[..., Path], sums: Path, run: Run
) -> None:
    hand_in("ann", "")
    folder = hand_in("bob", "")
    assert run(folder, assignment=str(sums))[1].ran == ["ann", "bob"]
    assert run(folder, assignment=str(sums))[1].ran == []
    assert run(folder, assignment=str(sums), only=("bob", "bob"))[1].ran == ["bob"]
    hand_in("ann", "x = 1")
    assert run(folder, assignment=str(sums))[1].ran == ["ann"]
    with (sums / "checks.py").open("a") as checks:
        checks.write("# stricter\n")
    assert run(folder, assignment=str(sums))[1].ran == ["ann", "bob"]
    assert run(folder, assignment=str(sums), force=True)[1].ran == ["ann", "bob"]


def test_relative_paths_mean_the_same(
    hand_in: Callable[..., Path], sums: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = hand_in("ann")
    monkeypatch.chdir(folder.parent)
    outcome, _ = run(Path("class"), assignment="sums", out=Path("here"))
    assert statuses(outcome) == {"ann": "graded"}
    assert outcome.out == folder.parent / "here"


@pytest.mark.usefixtures("quick")
def test_who_is_gone_from_the_folder_is_gone_from_the_grades(
    hand_in: Callable[..., Path], sums: Path, run: Run
) -> None:
    hand_in("ann", "")
    folder = hand_in("bob", "")
    run(folder, assignment=str(sums))
    (folder / "bob/sums.ipynb").unlink()
    (folder / "bob").rmdir()
    assert statuses(run(folder, assignment=str(sums))[0]) == {"ann": "graded"}


@pytest.mark.usefixtures("quick")
def test_a_notebook_for_another_assignment_is_a_row_that_says_so(
    hand_in: Callable[..., Path], sums: Path, run: Run
) -> None:
    folder = hand_in("ann", RIGHT, assignment="products")
    (result,) = run(folder, assignment=str(sums))[0].results
    assert result.status == "unreadable"
    assert result.reason == "the notebook is for assignment 'products', this run grades sums"


@pytest.mark.usefixtures("quick")
def test_results_of_another_assignment_do_not_mix(
    hand_in: Callable[..., Path], sums: Path, run: Run
) -> None:
    hand_in("ann", "", assignment=None)
    folder = hand_in("bob", "", assignment=None)
    run(folder, assignment=str(sums))
    other = sums.rename(sums.parent / "products")
    outcome, _ = run(folder, assignment=str(other), only=("ann",))
    assert [(r.student_id, r.assignment) for r in outcome.results] == [("ann", "products")]


@pytest.mark.usefixtures("quick")
def test_an_unknown_student_is_guessed(hand_in: Callable[..., Path], sums: Path, run: Run) -> None:
    folder = hand_in("jansen_p")
    with pytest.raises(UsageError, match=r"--only jansen: .* did you mean jansen_p\?"):
        run(folder, assignment=str(sums), only=("jansen",))
    with pytest.raises(UsageError, match=r"--only zzz: no such student among 1$"):
        run(folder, assignment=str(sums), only=("zzz",))


@pytest.mark.usefixtures("quick")
def test_the_assignment_is_read_from_the_notebooks(
    hand_in: Callable[..., Path], sums: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inference, "installed", lambda: {"sums": sums})
    hand_in("ann", "", assignment=None)
    hand_in("bob", "", assignment="unheard of")
    (hand_in("cem", "") / "cem/sums.ipynb").write_text("{")
    folder = hand_in("eve", "")
    outcome, _ = run(folder)
    assert {result.assignment for result in outcome.results} == {"sums"}
    unreadable = [r.student_id for r in outcome.results if r.status == "unreadable"]
    assert unreadable == ["bob"]  # what cem handed in is told of when it is graded


@pytest.mark.usefixtures("quick")
def test_the_assignment_of_its_own_submissions_is_found(
    hand_in: Callable[..., Path], sums: Path, run: Run
) -> None:
    folder = hand_in("ann").rename(sums / "submissions")
    assert statuses(run(folder)[0]) == {"ann": "graded"}


@pytest.mark.usefixtures("quick")
def test_a_notebook_never_chooses_which_code_grades_it(
    hand_in: Callable[..., Path], run: Run, sums: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mark = sums.parent / "ran"
    folder = hand_in("eve", RIGHT, assignment="class/eve")
    for name in ("assignment.toml", "checks.py"):
        (folder / "eve" / name).write_text((sums / name).read_text())
    (folder / "eve/checks.py").write_text(f"open({str(mark)!r}, 'w')")
    monkeypatch.chdir(folder.parent)
    with pytest.raises(UsageError, match=r"name 'class/eve', which is not installed.*--assignment"):
        run(folder)
    hand_in("eve", RIGHT, assignment=str(folder / "eve"))
    with pytest.raises(UsageError, match="not installed"):
        run(folder)
    monkeypatch.chdir(folder)
    hand_in("eve", RIGHT, assignment="eve")
    with pytest.raises(UsageError, match="not installed"):
        run(folder)
    assert not mark.exists()


def test_notebooks_that_name_nothing_ask_for_the_assignment(
    hand_in: Callable[..., Path], run: Run
) -> None:
    with pytest.raises(UsageError, match=r"do not say .*grader\.assignment.*--assignment.*vae"):
        run(hand_in("ann", RIGHT, assignment=None))


def test_an_authors_error_ends_the_display_and_keeps_nothing(
    hand_in: Callable[..., Path], sums: Path, run: Run, tmp_path: Path
) -> None:
    (sums / "checks.py").write_text("1 / 0")
    display = Recorded()
    options = Options(hand_in("ann"), tmp_path / "out", str(sums), isolation="none")
    with pytest.raises(AssignmentError, match=r"checks\.py, line 1: ZeroDivisionError"):
        run_batch(options, display)
    assert display.ended == 1


@pytest.mark.usefixtures("quick")
def test_a_data_folder_holds_what_the_assignment_accepts(
    hand_in: Callable[..., Path], sums: Path, run: Run, tmp_path: Path
) -> None:
    folder = hand_in("ann")
    with pytest.raises(UsageError, match="sums accepts no data set from a folder"):
        run(folder, assignment=str(sums), data_dir=tmp_path)
    toml = sums / "assignment.toml"
    toml.write_text('data = { accepts = ["mnist"] }\n' + toml.read_text())
    with pytest.raises(UsageError, match=r"mnist needs train-images.*not in"):
        run(folder, assignment=str(sums), data_dir=tmp_path)


def test_a_file_in_the_place_of_the_output_folder_is_named(
    hand_in: Callable[..., Path], sums: Path, run: Run, tmp_path: Path
) -> None:
    (tmp_path / "out").write_text("")
    with pytest.raises(UsageError, match=r"out cannot be made .*choose another --out"):
        run(hand_in("ann"), assignment=str(sums))


@pytest.mark.usefixtures("quick")
def test_a_full_disk_while_writing_is_one_sentence(
    hand_in: Callable[..., Path], sums: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(batch, "write", full)
    with pytest.raises(InfrastructureError, match=r"No space left on device.*results .* are kept"):
        run(hand_in("ann", ""), assignment=str(sums))


def test_an_output_folder_without_results_says_how_to_make_them(tmp_path: Path) -> None:
    with Store(tmp_path) as store, pytest.raises(UsageError, match="holds no results; `grader run"):
        write_outputs(store, tmp_path)


@pytest.mark.usefixtures("quick")
def test_faults_of_ours_are_rows_and_run_again(
    hand_in: Callable[..., Path], sums: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(pending: Any, settings: Any, jobs: int, tell: Callable[..., None]) -> None:
        tell(events.Started("ann"))
        tell(events.Failed("ann", "no sandbox"))

    folder = hand_in("ann", "")
    with monkeypatch.context() as patched:
        patched.setattr(batch, "run_all", broken)
        outcome, _ = run(folder, assignment=str(sums))
    assert [result.reason for result in outcome.infrastructure] == ["no sandbox"]
    assert statuses(run(folder, assignment=str(sums))[0]) == {"ann": "graded"}


def test_cores_are_counted_where_the_system_says_nothing_of_affinity(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert slots.cores() >= 1
    monkeypatch.delattr(os, "sched_getaffinity")
    assert slots.cores() == (os.cpu_count() or 1)
