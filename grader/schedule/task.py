"""`grader worker`: grades one bundle, a file for each result. Whatever is there is not done again.

What fails on our side is a result, too: its status says so, and so does the exit status.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from grader import environment
from grader.described import failed_on_our_side
from grader.devices import place
from grader.errors import AssignmentError, GraderError, InfrastructureError
from grader.results import SubmissionResult
from grader.schedule import events
from grader.schedule.bundle import Bundle, read_bundle
from grader.schedule.delivery import Delivery, deliver, delivered, name_of, read, write
from grader.schedule.local import run_all
from grader.secret import course_secret
from grader.settings import Settings
from grader.submission import Submission

OPENING = ".opening"
# What CUDA_VISIBLE_DEVICES holds where Slurm has found no device for a task.
_NO_DEVICES = {"", "NoDevFiles", "-1"}


@dataclass(frozen=True, slots=True)
class Opening:
    """What a task says of its bundle before the first result.

    Attributes:
        sentences: what to say about each known mistake, by id.
        unfit: why nothing of it can be graded, anywhere; empty where it can.
        lock: of the machine's environment.
    """

    sentences: dict[str, str]
    unfit: str = ""
    lock: str = ""


def opening_of(bundle: Path, out: Path) -> Opening | None:
    """What a task has said so far."""
    text = read(out / f"{bundle.stem}{OPENING}")
    return None if text is None else Opening(**json.loads(text))


def run_task(
    bundle: Path, out: Path, jobs: int, on_result: Callable[[SubmissionResult], None]
) -> bool:
    """Grades what `out` does not hold yet.

    Args:
        bundle: as `write_bundle` has made it.
        out: folder that receives a file for each submission.
        jobs: submissions at a time.
        on_result: called with each result once its file is there.

    Returns:
        Whether nothing has failed on our side.

    Raises:
        AssignmentError: the assignment cannot be used, here or elsewhere.
        InfrastructureError: the bundle is not whole.
    """
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="grader-task-") as folder:
        root = Path(folder)
        root.chmod(0o755)  # sandboxes have other users
        task = _Task(read_bundle(bundle, root, course_secret()), bundle, out, on_result)
        task.run(jobs)
    return not task.failed


def require_devices(gpus: int, environment: Mapping[str, str]) -> None:
    """Demands the devices that the task has asked for; a requeued one may come without.

    Raises:
        InfrastructureError: there are fewer.
    """
    visible = environment.get("CUDA_VISIBLE_DEVICES", "")
    found = [name for name in visible.split(",") if name.strip() not in _NO_DEVICES]
    if len(found) < gpus:
        raise InfrastructureError(
            f"the task asked for {gpus} GPU and was given {len(found)} "
            f"(CUDA_VISIBLE_DEVICES is {visible!r})"
        )


class _Task:
    def __init__(
        self,
        bundle: Bundle,
        path: Path,
        out: Path,
        on_result: Callable[[SubmissionResult], None],
    ) -> None:
        self._bundle = bundle
        self._path = path
        self._out = out
        self._on_result = on_result
        self._by_id = {each.student_id: each for each in bundle.submissions}
        self.failed = False

    def run(self, jobs: int) -> None:
        pending = [each for each in self._bundle.submissions if not self._is_done(each)]
        try:
            settings = self._fit()
            if pending:
                run_all(pending, settings, jobs, self._tell)
        except AssignmentError as error:
            self._open(Opening({}, str(error)))
            raise
        except GraderError as error:
            for each in pending:
                if not self._is_done(each):
                    self._give_up(each, str(error))

    def _fit(self) -> Settings:
        """The settings with the devices of this machine, where it is fit to grade at all."""
        if self._bundle.unlike:
            raise InfrastructureError(f"this machine has {', '.join(self._bundle.unlike)}")
        require_devices(gpus := self._bundle.gpus, os.environ)
        return replace(self._bundle.settings, place=place("cuda" if gpus else "cpu", gpus or None))

    def _tell(self, event: events.Event) -> None:
        match event:
            case events.Ready(sentences):
                self._open(Opening(sentences, lock=environment.lock()))
            case events.Finished(_, result):
                self._keep(result)
            case events.Failed(student_id, reason):
                self._give_up(self._by_id[student_id], reason)

    def _is_done(self, submission: Submission) -> bool:
        name = name_of(submission.student_id, self._bundle.keys[submission.student_id])
        found = delivered(self._out / name)
        return found is not None and found.result.status != "infrastructure"

    def _open(self, opening: Opening) -> None:
        write(self._out / f"{self._path.stem}{OPENING}", json.dumps(asdict(opening)))

    def _give_up(self, submission: Submission, reason: str) -> None:
        self._keep(failed_on_our_side(submission, self._bundle.settings, reason))

    def _keep(self, result: SubmissionResult) -> None:
        self.failed |= result.status == "infrastructure"
        restarts = int(os.environ.get("SLURM_RESTART_COUNT") or 0)
        marked = replace(result, provenance=replace(result.provenance, restarts=restarts))
        executed = self._bundle.settings.notebooks / Path(result.executed or "none").name
        text = executed.read_text("utf-8") if executed.is_file() else ""
        deliver(self._out, Delivery(self._bundle.keys[result.student_id], marked, text))
        self._on_result(marked)
