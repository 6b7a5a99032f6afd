"""The local scheduler: a few workers, each with one submission at a time.

A worker that dies takes nothing along but its own submission's attempt: the submission is tried
again on a new worker, and given up as `infrastructure` after the last attempt.
"""

from __future__ import annotations

import contextlib
import multiprocessing
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing import connection
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess

from grader.errors import AssignmentError, InfrastructureError
from grader.run import prepared
from grader.schedule.events import Event, Failed, Finished, Ready, Retried, Started, Unfit
from grader.schedule.worker import work
from grader.settings import Settings
from grader.submission import Submission

ATTEMPTS = 3
_FORKS = multiprocessing.get_context("forkserver")
_PRELOADED = ["grader.schedule.preloaded"]


@dataclass(slots=True)
class _Worker:
    slot: int
    process: ForkServerProcess
    pipe: Connection
    submission: Submission | None = None
    ready: bool = False


def run_all(
    submissions: Sequence[Submission],
    settings: Settings,
    jobs: int,
    tell: Callable[[Event], None],
) -> None:
    """Grades every submission and tells of everything that happens, in this very process.

    Workers are ended, whichever way this returns.

    Args:
        submissions: those that have to run.
        settings: shared by all.
        jobs: how many run at the same time.
        tell: called with each event, in order of arrival.

    Raises:
        AssignmentError: the assignment cannot be used.
        InfrastructureError: workers are killed before they have begun, or no sandbox can be.
    """
    _FORKS.set_forkserver_preload(_PRELOADED)
    run = _Run(submissions, settings, tell)
    with prepared(settings):
        try:
            run.start(min(jobs, len(submissions)))
            while run.workers:
                run.turn()
        finally:
            run.stop()


class _Run:
    def __init__(
        self, submissions: Sequence[Submission], settings: Settings, tell: Callable[[Event], None]
    ) -> None:
        # Large notebooks tend to run long, and a long one that starts last is waited for.
        self._queue = deque(sorted(submissions, key=_size, reverse=True))
        self._settings = settings
        self._tell = tell
        self._failures: Counter[str] = Counter()
        self.workers: list[_Worker] = []

    def start(self, count: int) -> None:
        for slot in range(count):
            self._hire(slot)

    def turn(self) -> None:
        """Waits for whatever happens next and acts on it."""
        by_pipe = {worker.pipe: worker for worker in self.workers}
        for pipe in connection.wait(list(by_pipe)):
            assert isinstance(pipe, Connection)
            worker = by_pipe[pipe]
            try:
                event: Event = pipe.recv()
            except (EOFError, OSError):
                self._replace(worker)
            else:
                self._act(worker, event)

    def stop(self) -> None:
        for worker in self.workers:
            worker.process.kill()
            worker.process.join()
            worker.pipe.close()
        self.workers.clear()

    def _hire(self, slot: int) -> None:
        ours, theirs = _FORKS.Pipe()
        process = _FORKS.Process(target=work, args=(theirs, self._settings, slot))
        process.start()
        theirs.close()
        self.workers.append(_Worker(slot, process, ours))

    def _act(self, worker: _Worker, event: Event) -> None:
        match event:
            case Unfit(reason):
                raise AssignmentError(reason)
            case Ready():
                worker.ready = True
                self._give(worker, event)
            case Finished():
                self._give(worker, event)
            case Failed(_, reason):
                self._fail(worker, reason)
                self._give(worker)
            case _:
                self._tell(event)

    def _give(self, worker: _Worker, *events: Event) -> None:
        """Hands out the next submission, then tells: a disk takes its time to keep a result."""
        worker.submission = self._queue.popleft() if self._queue else None
        if worker.submission is not None:
            with contextlib.suppress(OSError):  # it has died: heard of in the next turn
                worker.pipe.send(worker.submission)
            events = (*events, Started(worker.submission.student_id))
        for event in events:
            self._tell(event)
        if worker.submission is None:
            self._dismiss(worker)

    def _fail(self, worker: _Worker, reason: str) -> None:
        assert worker.submission is not None
        student = worker.submission.student_id
        self._failures[student] += 1
        if self._failures[student] < ATTEMPTS:
            self._queue.append(worker.submission)
            self._tell(Retried(student, reason))
        else:
            self._tell(Failed(student, reason))

    def _replace(self, worker: _Worker) -> None:
        if not worker.ready:
            raise InfrastructureError(
                "a worker was killed while it loaded the assignment: free some memory, or take "
                "fewer --jobs"
            )
        if worker.submission is not None:
            self._fail(worker, "the worker died")
        self._dismiss(worker)
        if self._queue:
            self._hire(worker.slot)

    def _dismiss(self, worker: _Worker) -> None:
        worker.pipe.close()
        worker.process.join(5)
        if worker.process.is_alive():
            worker.process.kill()
            worker.process.join()
        self.workers.remove(worker)


def _size(submission: Submission) -> int:
    try:
        executed = submission.notebook or (submission.modules or (None,))[0]
        return executed.stat().st_size if executed else 0
    except OSError:
        return 0
