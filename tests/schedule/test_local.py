from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from grader.errors import AssignmentError, InfrastructureError
from grader.results import SubmissionResult
from grader.schedule import local
from grader.schedule.events import (
    Event,
    Failed,
    Finished,
    Landed,
    Progress,
    Ready,
    Retried,
    Started,
)
from grader.schedule.local import ATTEMPTS, run_all
from grader.settings import Settings
from grader.submission import Submission

# Questions without a function are checked even where there is no notebook, and so no kernel.
SLOW = '''
import time
from grader.checks import check

@check("one", points=1)
def at_once() -> None:
    """Passes."""

@check("two", points=2)
def slowly() -> None:
    """Passes after a while."""
    time.sleep(0.3)
'''


def ours(*students: str) -> list[Submission]:
    return [Submission(student, student.title()) for student in students]


@pytest.fixture
def slow(sums: Path, settings: Settings) -> Settings:
    (sums / "checks.py").write_text(SLOW)
    toml = sums / "assignment.toml"
    lines = [line for line in toml.read_text().splitlines() if not line.startswith("function")]
    toml.write_text("\n".join(lines))
    questions = tuple(q.model_copy(update={"function": None}) for q in settings.assignment.question)
    return replace(
        settings, assignment=settings.assignment.model_copy(update={"question": questions})
    )


@pytest.fixture
def kill(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Kills the worker that has a student's submission."""
    runs: list[local._Run] = []

    class Watched(local._Run):
        def start(self, count: int) -> None:
            runs.append(self)
            super().start(count)

    monkeypatch.setattr(local, "_Run", Watched)

    def kill_worker(student: str) -> None:
        for worker in runs[-1].workers:
            if worker.submission is not None and worker.submission.student_id == student:
                assert worker.process.pid is not None
                with contextlib.suppress(ProcessLookupError):  # it may be dying already
                    os.kill(worker.process.pid, signal.SIGKILL)
                worker.process.join()

    return kill_worker


def of(student: str, events: list[Event]) -> list[Event]:
    return [event for event in events if getattr(event, "student_id", None) == student]


def test_each_submission_starts_lands_and_finishes_in_order(slow: Settings) -> None:
    events: list[Event] = []
    run_all(ours("ann", "bob", "eve"), slow, 2, events.append)
    assert isinstance(events[0], Ready)
    for student in ("ann", "bob", "eve"):
        kinds = [type(event) for event in of(student, events)]
        assert kinds == [Started, Landed, Landed, Finished]
    running, most = 0, 0
    for event in events:
        running += isinstance(event, Started) - isinstance(event, Finished)
        most = max(most, running)
    assert most == 2


def test_a_worker_has_its_next_submission_before_the_last_result_is_kept(
    settings: Settings,
) -> None:
    ours_end, workers_end = multiprocessing.Pipe()
    has_work: list[tuple[type[Event], bool]] = []

    def tell(event: Event) -> None:
        has_work.append((type(event), workers_end.poll()))

    run = local._Run(ours("ann", "bob"), settings, tell)
    worker = local._Worker(0, multiprocessing.get_context("forkserver").Process(), ours_end)
    run._act(worker, Ready({}))
    assert workers_end.recv() == worker.submission == ours("ann")[0]
    run._act(worker, Finished("ann", SubmissionResult("ann", "Ann", "sums", "graded")))
    assert workers_end.recv() == worker.submission == ours("bob")[0]
    assert has_work == [(Ready, True), (Started, True), (Finished, True), (Started, True)]


def test_a_notebook_tells_of_its_cells(hand_in: Callable[..., Path], settings: Settings) -> None:
    folder = hand_in("ann") / "ann"
    events: list[Event] = []
    run_all([Submission("ann", "Ann", folder / "sums.ipynb")], settings, 1, events.append)
    assert Progress("ann", 1, 1) in events
    assert isinstance(events[-1], Finished)
    assert events[-1].result.score == 3


def test_a_killed_worker_costs_its_own_submission_one_try(
    slow: Settings, kill: Callable[[str], None]
) -> None:
    events: list[Event] = []

    def tell(event: Event) -> None:
        events.append(event)
        if isinstance(event, Landed) and not any(isinstance(e, Retried) for e in events):
            kill("eve")

    run_all(ours("ann", "bob", "eve"), slow, 2, tell)
    assert Counter(type(event) for event in events)[Finished] == 3
    assert [e for e in events if isinstance(e, Retried)] == [Retried("eve", "the worker died")]
    assert [type(event) for event in of("ann", events)].count(Started) == 1
    assert [type(event) for event in of("bob", events)].count(Started) == 1


def test_a_submission_that_ends_every_worker_is_given_up(
    slow: Settings, kill: Callable[[str], None]
) -> None:
    events: list[Event] = []

    def tell(event: Event) -> None:
        events.append(event)
        if isinstance(event, Started) and event.student_id == "eve":
            kill("eve")  # before it is even handed over

    run_all(ours("ann", "eve"), slow, 1, tell)
    kinds = [type(event) for event in of("eve", events)]
    assert kinds == [Started, Retried] * (ATTEMPTS - 1) + [Started, Failed]
    assert isinstance(of("ann", events)[-1], Finished)


def test_a_fault_of_ours_is_tried_again_by_the_same_worker(
    hand_in: Callable[..., Path], settings: Settings
) -> None:
    events: list[Event] = []
    notebook = hand_in("ann") / "ann" / "sums.ipynb"
    (settings.notebooks / "ann.ipynb").mkdir()  # no file can be written in its place
    run_all([Submission("ann", "Ann", notebook)], settings, 1, events.append)
    kinds = [type(event) for event in events]
    assert kinds == [Ready, *[Started, Retried] * (ATTEMPTS - 1), Started, Failed]
    assert isinstance(events[-1], Failed)
    assert "grader itself failed" in events[-1].reason


def test_a_wrong_assignment_ends_the_run(settings: Settings, sums: Path) -> None:
    (sums / "checks.py").write_text("raise RuntimeError('not today')")
    with pytest.raises(AssignmentError, match=r"checks\.py, line 1: RuntimeError: not today"):
        run_all(ours("ann"), settings, 1, lambda _: None)


def test_a_worker_killed_while_it_loads_is_ours(settings: Settings, sums: Path) -> None:
    (sums / "checks.py").write_text("import os\nos.kill(os.getpid(), 9)")
    with pytest.raises(InfrastructureError, match="fewer --jobs"):
        run_all(ours("ann"), settings, 1, lambda _: None)


def test_ctrl_c_leaves_no_worker(slow: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[int] = []
    hire = local._Run._hire

    def recorded(self: local._Run, slot: int) -> None:
        hire(self, slot)
        started.append(self.workers[-1].process.pid or 0)

    monkeypatch.setattr(local._Run, "_hire", recorded)

    def interrupt(event: Event) -> None:
        if isinstance(event, Landed):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_all(ours("ann", "bob"), slow, 2, interrupt)
    assert len(started) == 2
    left = [process for process in psutil.process_iter(["status"]) if process.pid in started]
    assert all(process.info["status"] == psutil.STATUS_ZOMBIE for process in left)


def test_large_notebooks_begin_first(slow: Settings, tmp_path: Path) -> None:
    sizes = {"small": 10, "large": 1000, "middle": 100}
    submissions = []
    for name, size in sizes.items():
        (tmp_path / f"{name}.ipynb").write_text("x" * size)
        submissions.append(Submission(name, name, tmp_path / f"{name}.ipynb"))
    submissions += [Submission("none", "None"), Submission("gone", "G", tmp_path / "gone.ipynb")]
    ordered = sorted(submissions, key=local._size, reverse=True)
    assert [s.student_id for s in ordered] == ["large", "middle", "small", "none", "gone"]
