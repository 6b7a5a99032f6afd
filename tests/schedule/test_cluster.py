"""What the scheduler makes of tasks that run elsewhere; Slurm's answers are given by hand here."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from grader.batch import Options, run_batch
from grader.errors import AssignmentError, InfrastructureError, UsageError
from grader.results import Status, SubmissionResult
from grader.schedule import cluster, slurm
from grader.schedule.cluster import Cluster, run_array
from grader.schedule.delivery import Delivery, deliver, name_of, write
from grader.schedule.events import Event, Failed, Finished, Queued, Ready, Retried
from grader.schedule.local import ATTEMPTS
from grader.schedule.slurm import Request
from grader.schedule.task import OPENING
from grader.settings import Settings
from grader.submission import Submission

STUDENTS = [Submission(name, name, digest=name) for name in ("ann", "bob", "eve")]


@dataclass
class Script:
    """What happens from one look at Slurm to the next.

    Attributes:
        turns: called one after the other; each gives the states of all tasks.
        submitted: shards of each array so far.
    """

    settings: Settings
    out: Path
    turns: list[Callable[[], dict[int, str] | None]] = field(default_factory=list)
    submitted: list[int] = field(default_factory=list)
    cancelled: list[str] = field(default_factory=list)
    told: list[Event] = field(default_factory=list)
    kept: str = ""

    def run(self, shard: int = 50) -> None:
        place = Cluster(self.out, Request(shard=shard), 1, self.kept, self._remember)
        run_array(STUDENTS, self.settings, place, self.told.append)

    def _remember(self, arrays: str) -> None:
        self.kept = arrays

    def lands(self, *names: str, status: Status = "graded", notebook: str = "") -> None:
        """Results of these students appear."""
        for student in (each for each in STUDENTS if each.student_id in names):
            result = SubmissionResult(
                student.student_id, student.name, "sums", status, executed="x.ipynb"
            )
            deliver(self.out / "results", Delivery(self.settings.key(student), result, notebook))

    def finished(self) -> list[str]:
        return [event.student_id for event in self.told if isinstance(event, Finished)]

    def of(self, kind: type[Event]) -> list[Event]:
        return [event for event in self.told if isinstance(event, kind)]


@pytest.fixture
def script(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Script:
    made = Script(settings, tmp_path / "slurm")

    def submit(bundles: list[Path], *_: object) -> str:
        assert all(path.is_file() for path in bundles)
        made.submitted.append(len(bundles))
        return str(100 + len(made.submitted))

    def states(job: str) -> dict[int, str] | None:
        newest = job == str(100 + len(made.submitted))
        return made.turns.pop(0)() if newest else {}

    monkeypatch.setattr(slurm, "submit", submit)
    monkeypatch.setattr(slurm, "states", states)
    monkeypatch.setattr(slurm, "cancel", made.cancelled.append)
    monkeypatch.setattr(cluster, "_POLL_SECONDS", 0.0)
    monkeypatch.setattr(cluster, "_LATE_SECONDS", 0.0)
    return made


def runs(action: Callable[[], None] = lambda: None) -> Callable[[], dict[int, str]]:
    def turn() -> dict[int, str]:
        action()
        return {0: "RUNNING"}

    return turn


def test_results_are_taken_as_they_land_and_nothing_is_left(script: Script) -> None:
    script.turns = [
        runs(),
        runs(lambda: script.lands("bob", notebook='{"cells": []}')),
        runs(lambda: script.lands("ann", "eve")),
    ]
    script.run()
    assert script.finished() == ["bob", "ann", "eve"]
    assert script.told[0] == Queued("101", 1)
    assert (script.settings.notebooks / "x.ipynb").read_text() == '{"cells": []}'
    assert script.kept == "[]"
    assert list(script.out.iterdir()) == []


def test_a_shard_is_a_task(script: Script) -> None:
    script.turns = [runs(lambda: script.lands("ann", "bob", "eve"))]
    script.run(shard=2)
    assert script.submitted == [2]


def test_the_same_result_delivered_twice_counts_once(script: Script) -> None:
    script.turns = [
        runs(lambda: script.lands("ann")),
        runs(lambda: script.lands("ann")),
        runs(lambda: script.lands("ann", "bob", "eve")),
    ]
    script.run()
    assert script.finished() == ["ann", "bob", "eve"]


def test_half_a_result_is_waited_for_and_written_again(script: Script) -> None:
    half = name_of("ann", script.settings.key(STUDENTS[0]))
    script.turns = [
        runs(lambda: script.lands("bob", "eve")),
        runs(lambda: (script.out / "results" / half).write_text("f00\n{") and None),
        lambda: {0: "COMPLETED"},
        runs(lambda: script.lands("ann")),
    ]
    script.run()
    assert script.submitted == [1, 1]
    assert script.of(Retried) == [Retried("ann", "Slurm's task 101_0: COMPLETED")]
    assert sorted(script.finished()) == ["ann", "bob", "eve"]


def test_a_task_that_delivers_nothing_is_given_up_after_some_tries(script: Script) -> None:
    script.turns = [runs(lambda: script.lands("bob", "eve"))]
    script.turns += [lambda: {0: "OUT_OF_MEMORY"}] * ATTEMPTS
    script.run()
    assert script.submitted == [1] * ATTEMPTS
    assert script.of(Failed) == [Failed("ann", f"Slurm's task 10{ATTEMPTS}_0: OUT_OF_MEMORY")]


def test_what_somebody_has_cancelled_is_not_queued_again(script: Script) -> None:
    script.turns = [lambda: {0: "CANCELLED"}]
    script.run()
    assert script.submitted == [1]
    assert len(script.of(Failed)) == 3


def test_a_controller_that_does_not_answer_loses_nothing(script: Script) -> None:
    script.turns = [*[lambda: None] * 5, runs(lambda: script.lands("ann", "bob", "eve"))]
    script.run()
    assert script.submitted == [1]
    assert len(script.finished()) == 3


def test_a_result_that_is_late_on_a_shared_file_system_is_waited_for(
    script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster, "_LATE_SECONDS", 60.0)
    # A clock that jumps a day at every look changes nothing: it is not asked.
    days = iter(range(0, 10_000_000, 86_400))
    monkeypatch.setattr("time.time", lambda: float(next(days)))

    def over() -> dict[int, str]:
        return {0: "COMPLETED"}

    def lands() -> dict[int, str]:
        script.lands("ann", "bob", "eve")
        return over()

    script.turns = [over, over, lands]
    script.run()
    assert script.submitted == [1]
    assert len(script.finished()) == 3


def test_what_failed_on_our_side_is_queued_again_together(script: Script) -> None:
    script.turns = [
        runs(lambda: script.lands("ann", "bob", status="infrastructure")),
        runs(lambda: script.lands("ann", "bob", "eve")),
    ]
    script.run()
    assert script.submitted == [1, 1]
    assert len(script.of(Retried)) == 2
    assert len(script.finished()) == 3


def test_another_scheduler_goes_on_with_the_arrays_of_one_that_died(script: Script) -> None:
    def dies() -> dict[int, str]:
        script.lands("ann")
        raise KeyboardInterrupt

    script.turns = [dies]
    with pytest.raises(KeyboardInterrupt):
        script.run()
    (array,) = json.loads(script.kept)
    assert array["job"] == "101"
    script.lands("bob")  # while nobody was there
    script.turns = [runs(), runs(lambda: script.lands("eve"))]
    script.run()
    assert script.submitted == [1]
    assert script.finished() == ["ann", "bob", "eve"]


def test_who_hands_in_meanwhile_is_queued_beside_them(script: Script) -> None:
    others = [{"job": "7", "bundles": ["a.tar"], "names": [["somebody.else"]]}]
    script.kept = json.dumps(others)
    script.turns = [runs(lambda: script.lands("ann", "bob", "eve"))]
    script.run()
    assert script.of(Queued) == [Queued("7", 1), Queued("101", 1)]


def test_what_an_earlier_run_was_given_is_not_taken_for_this_one(script: Script) -> None:
    (script.out / "results").mkdir(parents=True)
    script.lands("ann")
    script.turns = [runs(), runs(lambda: script.lands("ann", "bob", "eve"))]
    script.run()
    assert script.finished() == ["ann", "bob", "eve"]


def test_sentences_come_from_a_task_and_a_wrong_assignment_ends_all(script: Script) -> None:
    def opens(**row: object) -> None:
        (bundle,) = (script.out / "bundles").glob("*.tar")
        text = json.dumps({"sentences": {"a": "b"}, "unfit": "", "lock": "torch==2"} | row)
        write(script.out / "results" / f"{bundle.stem}{OPENING}", text)

    script.turns = [runs(opens), runs(lambda: script.lands("ann", "bob", "eve"))]
    script.run()
    assert script.of(Ready) == [Ready({"a": "b"})]
    (lock,) = (script.settings.notebooks.parent / "environments").iterdir()
    assert lock.read_text() == "torch==2"
    script.turns = [runs(lambda: opens(unfit="points do not add up"))]
    with pytest.raises(AssignmentError, match="points do not add up"):
        script.run()
    assert script.cancelled == ["102"]
    assert script.kept == "[]"


def test_a_full_disk_is_one_sentence_and_the_tasks_go_on(
    script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(cluster, "write_bundle", full)
    with pytest.raises(InfrastructureError, match=r"No space left on device.*results .* are kept"):
        script.run()
    assert script.cancelled == []


def test_without_slurm_the_command_says_where_to_run_it(
    hand_in: Callable[..., Path],
    sums: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    course_environment: None,
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    options = Options(
        hand_in("ann"), tmp_path / "out", str(sums), isolation="none", slurm=Request()
    )
    with pytest.raises(UsageError, match="there is no sbatch here: run this where Slurm's"):
        run_batch(options, Silent())


class Silent:
    """A display that shows nothing."""

    def begin(self, plan: object) -> None: ...

    def tell(self, event: object) -> None: ...

    def end(self) -> None: ...
