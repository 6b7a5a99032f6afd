"""Submissions over the machines of a cluster: an array of Slurm's, a shard of them for each task.

Tasks write results into a folder; the store is written here alone, as results land. What a task
has not delivered when it is over is queued again. A scheduler that dies leaves its tasks running,
and the next one goes on with them: it is told which they are.
"""

from __future__ import annotations

import json
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from grader import environment
from grader.errors import AssignmentError
from grader.schedule import slurm
from grader.schedule.bundle import write_bundle
from grader.schedule.delivery import SUFFIX, Delivery, delivered, name_of
from grader.schedule.events import Event, Failed, Finished, Queued, Ready, Retried
from grader.schedule.local import ATTEMPTS
from grader.schedule.task import opening_of
from grader.settings import Settings
from grader.submission import Submission
from grader.written import write, writing

_POLL_SECONDS = 1.0
# A shared file system may show a file this much later than it was written.
_LATE_SECONDS = 5.0
# Slurm's own limit on the tasks of an array, where nobody has raised it.
_MOST_TASKS = 1000


@dataclass(slots=True)
class Array:
    """One array of tasks.

    Attributes:
        job: its id.
        bundles: of the tasks, in their order.
        names: of the results that each task is to deliver.
    """

    job: str
    bundles: list[str]
    names: list[list[str]]


@dataclass(slots=True)
class Cluster:
    """Where and how tasks are run.

    Attributes:
        folder: for bundles, results and logs; all machines see it under this path.
        request: what is asked of Slurm.
        jobs: submissions at a time in a task.
        recalled: what an earlier scheduler has left, as it was given to `remember`.
        remember: keeps what another scheduler would have to know.
    """

    folder: Path
    request: slurm.Request
    jobs: int
    recalled: str = ""
    remember: Callable[[str], None] = lambda _: None


def run_array(
    submissions: Sequence[Submission],
    settings: Settings,
    cluster: Cluster,
    tell: Callable[[Event], None],
) -> None:
    """Grades every submission on the cluster and tells of what comes back, in this process.

    Raises:
        AssignmentError: the assignment cannot be used.
        UsageError: Slurm does not take the job.
        InfrastructureError: bundles cannot be written.
    """
    with writing(cluster.folder):
        for name in ("bundles", "results"):
            (cluster.folder / name).mkdir(parents=True, exist_ok=True)
        run = _Run(submissions, settings, cluster, tell)
        run.start()
        while run.waiting:
            run.turn()
        run.clear()


@dataclass(slots=True)
class _Run:
    submissions: Sequence[Submission]
    settings: Settings
    cluster: Cluster
    tell: Callable[[Event], None]
    waiting: dict[str, Submission] = field(default_factory=dict)
    arrays: list[Array] = field(default_factory=list)
    failures: Counter[str] = field(default_factory=Counter)
    # When each task was first seen to be over.
    over: dict[tuple[str, int], float] = field(default_factory=dict)
    opened: set[str] = field(default_factory=set)

    def start(self) -> None:
        self.waiting = {self._name(each): each for each in self.submissions}
        self.arrays = [Array(**row) for row in json.loads(self.cluster.recalled or "[]")]
        known = {name for array in self.arrays for names in array.names for name in names}
        for array in self.arrays:
            self.tell(Queued(array.job, len(array.bundles)))
        if not self.arrays:
            # Whatever lies there was delivered to a run that has come to its end.
            for stale in self._results.iterdir():
                stale.unlink()
        self._queue([each for name, each in self.waiting.items() if name not in known])

    def turn(self) -> None:
        """Takes what has landed, and queues again what was lost."""
        states = {array.job: slurm.states(array.job) for array in self.arrays}
        self._listen()
        again = list(self._collect())
        self._queue([*again, *self._lost(states, {self._name(each) for each in again})])
        if self.waiting:
            time.sleep(_POLL_SECONDS)

    def clear(self) -> None:
        """Forgets the arrays: everything they were for has been stored."""
        self.cluster.remember("[]")
        for name in ("bundles", "results"):
            shutil.rmtree(self.cluster.folder / name, ignore_errors=True)

    @property
    def _results(self) -> Path:
        return self.cluster.folder / "results"

    def _name(self, submission: Submission) -> str:
        return name_of(submission.student_id, self.settings.key(submission))

    def _queue(self, submissions: list[Submission]) -> None:
        if not submissions:
            return
        request = self.cluster.request
        size = max(request.shard, -(-len(submissions) // _MOST_TASKS))
        shards = [submissions[at : at + size] for at in range(0, len(submissions), size)]
        bundles = [
            write_bundle(self.cluster.folder / "bundles", shard, self.settings, request.gpus)
            for shard in shards
        ]
        job = slurm.submit(
            bundles,
            self._results,
            self.cluster.folder,
            self.settings.assignment.name,
            self.cluster.jobs,
            request,
        )
        names = [[self._name(each) for each in shard] for shard in shards]
        self.arrays.append(Array(job, list(map(str, bundles)), names))
        self.cluster.remember(json.dumps([asdict(array) for array in self.arrays]))
        self.tell(Queued(job, len(bundles)))

    def _listen(self) -> None:
        """What tasks say first; the end, where one says that nothing can be graded."""
        for bundle in (bundle for array in self.arrays for bundle in array.bundles):
            if (
                bundle in self.opened
                or (opening := opening_of(Path(bundle), self._results)) is None
            ):
                continue
            if opening.unfit:
                for array in self.arrays:
                    slurm.cancel(array.job)
                self.clear()
                raise AssignmentError(opening.unfit)
            environment.keep(self.settings.notebooks.parent, opening.lock)
            if not self.opened:
                self.tell(Ready(opening.sentences))
            self.opened.add(bundle)

    def _collect(self) -> Iterator[Submission]:
        """Keeps what has landed; gives what has failed on our side and is tried again."""
        for entry in sorted(self._results.glob(f"*{SUFFIX}")):
            submission = self.waiting.get(entry.name)
            if submission is None:
                continue  # it has been delivered twice, or nobody waits for it any more
            found = delivered(entry)
            if found is None:
                continue  # half a file is none; its task writes it again, or is over
            if found.result.status == "infrastructure":
                entry.unlink()
                yield from self._failed(submission, found.result.reason)
            else:
                self._keep(submission, found)

    def _keep(self, submission: Submission, found: Delivery) -> None:
        if found.notebook:
            target = self.settings.notebooks / Path(found.result.executed).name
            write(target, [found.notebook])
        del self.waiting[self._name(submission)]
        self.tell(Finished(submission.student_id, found.result))

    def _lost(
        self, states: dict[str, dict[int, str] | None], again: set[str]
    ) -> Iterator[Submission]:
        """Those whose tasks are over without a result, less those that are queued `again`."""
        alive = set(again)
        lost: dict[str, str] = {}
        for array in self.arrays:
            known = states[array.job]
            for task, names in enumerate(array.names):
                state = slurm.GONE if known is None else known.get(task, slurm.GONE)
                if known is None or slurm.runs_on(state) or not self._is_over(array.job, task):
                    alive.update(names)
                else:
                    lost |= dict.fromkeys(names, f"Slurm's task {array.job}_{task}: {state}")
        for name, reason in lost.items():
            if name in self.waiting and name not in alive:
                yield from self._failed(self.waiting[name], reason)

    def _is_over(self, job: str, task: int) -> bool:
        first = self.over.setdefault((job, task), time.monotonic())
        return time.monotonic() - first >= _LATE_SECONDS

    def _failed(self, submission: Submission, reason: str) -> Iterator[Submission]:
        """The submission once more, unless it has failed too often, or somebody has ended it."""
        student = submission.student_id
        self.failures[student] += 1
        if self.failures[student] < ATTEMPTS and "CANCELLED" not in reason:
            self.tell(Retried(student, reason))
            yield submission
        else:
            del self.waiting[self._name(submission)]
            self.tell(Failed(student, reason))
