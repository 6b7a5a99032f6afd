"""What runs through the scheduler does not stay in it."""

from __future__ import annotations

import gc
import tracemalloc
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from grader.checks.verdict import Outcome, Verdict
from grader.results import SubmissionResult
from grader.schedule import local
from grader.schedule.events import Event, Finished, Landed, Ready
from grader.settings import Settings
from grader.store import Store
from grader.submission import Submission

SUBMISSIONS = 100
RESULT_BYTES = 200_000
# As many as are looked at early, and again in the end.
SAMPLE = 10


def chatty(pipe: Connection, _settings: Settings, _slot: int) -> None:
    """A worker all of whose verdicts are long."""
    pipe.send(Ready({}))
    while True:
        try:
            student = pipe.recv().student_id
        except EOFError:
            return
        verdict = Verdict("one", "one_is_one", Outcome.FAILED, 0, 1, message="x" * RESULT_BYTES)
        pipe.send(Landed(student, verdict))
        result = SubmissionResult(student, student, "sums", "graded", verdicts=(verdict,))
        pipe.send(Finished(student, result))


def in_use(number: int) -> int:
    """Bytes; where it matters, without what only waits for its collection."""
    if number < SAMPLE or number >= SUBMISSIONS - SAMPLE:
        gc.collect()
    return tracemalloc.get_traced_memory()[0]


def test_a_scheduler_keeps_nothing_of_what_it_has_stored(
    monkeypatch: pytest.MonkeyPatch, settings: Settings, tmp_path: Path
) -> None:
    monkeypatch.setattr(local, "work", chatty)
    used: list[int] = []
    with Store(tmp_path) as store:

        def tell(event: Event) -> None:
            if isinstance(event, Landed):
                store.add_verdict(event.student_id, event.verdict)
            if isinstance(event, Finished):
                store.add_result("key", event.result)
                used.append(in_use(len(used)))

        tracemalloc.start()
        try:
            students = (f"s{number}" for number in range(SUBMISSIONS))
            local.run_all([Submission(s, s) for s in students], settings, 2, tell)
        finally:
            tracemalloc.stop()
    # All of them together are a hundred times as much as this leaves room for.
    assert max(used[-SAMPLE:]) < max(used[:SAMPLE]) + RESULT_BYTES
