"""Slurm's own programs: an array of tasks is submitted, looked at, and ended."""

from __future__ import annotations

import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from grader.errors import UsageError

_PATIENCE_SECONDS = 60
# A task in any other state will not run any more by itself.
_RUNS_ON = {
    "PENDING",
    "CONFIGURING",
    "RUNNING",
    "COMPLETING",
    "REQUEUED",
    "REQUEUE_FED",
    "REQUEUE_HOLD",
    "RESIZING",
    "RESV_DEL_HOLD",
    "SIGNALING",
    "SPECIAL_EXIT",
    "STAGE_OUT",
    "STOPPED",
    "SUSPENDED",
}
GONE = "GONE"


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked of Slurm.

    Attributes:
        shard: submissions in a task, at most.
        time: longest time of a task, as Slurm writes it; its own default where empty.
        gpus: for each task.
    """

    partition: str = ""
    gpus: int = 0
    shard: int = 50
    time: str = ""


def submit(
    bundles: list[Path], results: Path, folder: Path, name: str, jobs: int, request: Request
) -> str:
    """Queues a task for each bundle; gives the id of the array.

    Args:
        bundles: in the order of the tasks, from 0.
        results: folder that all tasks write to.
        folder: receives the script and a log for each task.
        name: of the job, in Slurm's lists.
        jobs: submissions at a time in a task; it gets as many cores.
        request: what else is asked for.

    Raises:
        UsageError: Slurm does not take it.
    """
    script = folder / "job.sh"
    script.write_text(_script(bundles, results, jobs), "utf-8")
    command = ["sbatch", "--parsable", "--requeue", f"--array=0-{len(bundles) - 1}"]
    command += [f"--job-name=grader-{name}", f"--cpus-per-task={jobs}", "--ntasks=1"]
    command += [f"--output={folder}/%A_%a.log", "--open-mode=append", f"--chdir={folder}"]
    command += [f"--partition={request.partition}"] if request.partition else []
    command += [f"--gpus-per-task={request.gpus}"] if request.gpus else []
    command += [f"--time={request.time}"] if request.time else []
    ended = _ran(*command, str(script))
    if ended.returncode != 0:
        raise UsageError(f"Slurm does not take the job: {_said(ended)}")
    return ended.stdout.strip().partition(";")[0]


def states(job: str) -> dict[int, str] | None:
    """The state of each task of an array that Slurm knows of; None where it does not answer."""
    ended = _ran("squeue", "--noheader", "--array", "--states=all", f"--jobs={job}", "-o", "%K %T")
    if ended.returncode != 0:
        # Slurm forgets jobs that have ended; but a controller that is away has forgotten nothing.
        return {} if "Invalid job id" in ended.stderr else None
    rows = (line.split() for line in ended.stdout.splitlines())
    return {int(row[0]): row[1] for row in rows if len(row) == 2 and row[0].isdigit()}


def runs_on(state: str) -> bool:
    """Whether a task in this state is still to end by itself."""
    return state in _RUNS_ON


def cancel(job: str) -> None:
    """Ends a whole array."""
    _ran("scancel", job)


def _script(bundles: list[Path], results: Path, jobs: int) -> str:
    grader = [sys.executable, "-m", "grader.cli", "worker"]
    rest = shlex.join(["--out", str(results), "--jobs", str(jobs)])
    cases = [
        f"  {number}) bundle={shlex.quote(str(path))} ;;" for number, path in enumerate(bundles)
    ]
    lines = ['case "$SLURM_ARRAY_TASK_ID" in', *cases, "esac"]
    run = f'exec {shlex.join(grader)} --bundle "$bundle" {rest}'
    return "\n".join(["#!/bin/sh", *lines, run, ""])


def _ran(*command: str) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=_PATIENCE_SECONDS
        )
    except FileNotFoundError as error:
        raise UsageError(
            f"there is no {command[0]} here: run this where Slurm's programs are, or without --on"
        ) from error
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(command, 1, "", "Slurm does not answer")


def _said(ended: subprocess.CompletedProcess[str]) -> str:
    return " ".join((ended.stderr or ended.stdout).split())[-500:]
