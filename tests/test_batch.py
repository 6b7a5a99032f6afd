from __future__ import annotations

import contextlib
import csv
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import psutil
import pytest

from grader import batch, inference, slots
from grader.batch import Options, Outcome, Plan, run_batch, write_outputs
from grader.errors import AssignmentError, InfrastructureError, UsageError
from grader.results import Status, SubmissionResult
from grader.schedule import events
from grader.settings import Settings
from grader.store import Store
from grader.submission import Submission

RIGHT = "def one():\n    return 1.0\n\ndef two():\n    return 2.0"


class Recorded:
    """A display that remembers what it was told."""

    def __init__(self) -> None:
        self.plans: list[Plan] = []
        self.told: list[events.Event] = []
        self.ended = 0

    def begin(self, plan: Plan) -> None:
        self.plans.append(plan)

    def tell(self, event: events.Event) -> None:
        self.told.append(event)

    def end(self) -> None:
        self.ended += 1

    @property
    def ran(self) -> list[str]:
        return sorted(e.student_id for e in self.told if isinstance(e, events.Started))


Run = Callable[..., tuple[Outcome, Recorded]]


@pytest.fixture
def run(
    tmp_path: Path, library: Path, course_environment: None, monkeypatch: pytest.MonkeyPatch
) -> Run:
    """Runs a batch without isolation; everything handed in here is our own."""
    monkeypatch.setattr(batch, "stage_library", lambda _: library)

    def run_with(source: Path, **options: Any) -> tuple[Outcome, Recorded]:
        display = Recorded()
        given = {"out": tmp_path / "out", "isolation": "none", "jobs": 2} | options
        return run_batch(Options(source, **given), display), display

    return run_with


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


# A shell without job control starts background jobs with SIGINT ignored.
COMMAND = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
COMMAND += "from grader.cli import app; app()"


@contextlib.contextmanager
def started(arguments: list[str]) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", COMMAND, *arguments]
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    with subprocess.Popen(command, start_new_session=True, **pipes) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()


def until(condition: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.05)


def family(process: subprocess.Popen[str]) -> list[psutil.Process]:
    return psutil.Process(process.pid).children(recursive=True)


def gone(processes: list[psutil.Process]) -> bool:
    def ended(process: psutil.Process) -> bool:
        try:
            return process.status() == psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return True

    return all(map(ended, processes))


def test_a_run_that_is_stopped_or_killed_goes_on_where_it_was(
    hand_in: Callable[..., Path], sums: Path, run: Run, tmp_path: Path
) -> None:
    go_on, begun = tmp_path / "go on", tmp_path / "begun"
    wait = f"""
import time
from pathlib import Path
Path({str(begun)!r}).touch()
while not Path({str(go_on)!r}).exists():
    time.sleep(0.05)
"""
    hand_in("ann")
    folder = hand_in("eve", wait + RIGHT)
    out = tmp_path / "out"
    arguments = ["run", str(folder), "--assignment", str(sums), "--out", str(out)]
    arguments += ["--isolation", "none", "--jobs", "2"]
    executed = out / "notebooks" / "ann.ipynb"

    # Ctrl-C reaches the whole process group.
    with started(arguments) as process:
        assert process.stdout is not None
        seen = "".join(process.stdout.readline() for _ in range(3))
        assert "[1/2] ann  3 / 3  graded" in seen
        until(begun.exists)
        left = family(process)
        os.killpg(process.pid, signal.SIGINT)
        rest, _ = process.communicate(timeout=30)
    assert process.returncode == 130, rest
    assert "stopped; 1 results are kept; the same command goes on" in rest
    assert "Traceback" not in rest
    until(lambda: gone(left), 10)
    ran_at = executed.stat().st_mtime_ns

    begun.unlink()
    with started(arguments) as process:
        until(begun.exists)
        left = family(process)
        process.kill()
        process.communicate(timeout=30)
    until(lambda: gone(left), 10)

    go_on.touch()
    outcome, display = run(folder, assignment=str(sums))
    assert display.ran == ["eve"]
    assert [(r.student_id, r.score) for r in outcome.results] == [("ann", 3), ("eve", 3)]
    assert executed.stat().st_mtime_ns == ran_at
