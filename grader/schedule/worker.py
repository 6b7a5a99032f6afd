"""A trusted process that grades one submission at a time.

It holds checks, references and held-out data, and talks with the scheduler, which is ours too.
The student's code is another process still.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
from multiprocessing import connection
from multiprocessing.connection import Connection
from types import ModuleType

from grader.authored import sentences
from grader.errors import AssignmentError, GraderError, InfrastructureError
from grader.kernel import session
from grader.run import Listener, grade, require_ready
from grader.schedule.events import Event, Failed, Finished, Landed, Progress, Ready, Unfit
from grader.settings import Settings
from grader.submission import Submission


def work(pipe: Connection, settings: Settings, slot: int) -> None:
    """Grades what arrives on the pipe until it closes.

    Args:
        pipe: submissions in, events out.
        settings: shared by the whole run.
        slot: this worker's number, from 0.
    """
    _end_with_scheduler()
    # Ctrl-C reaches the whole process group; only the scheduler acts on it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    import torch  # the scheduler imports this module, too, and has no use for it

    # The cores are shared out among the workers already.
    torch.set_num_threads(settings.threads)
    # Each driver would import the program anew that was started at the command line.
    sys.modules["__main__"] = ModuleType("__main__")
    session.preload()
    if not _ready(pipe, settings):
        return
    while (submission := _next(pipe)) is not None:
        pipe.send(_attempt(submission, settings, slot, pipe))
    session.see_off()


def _end_with_scheduler() -> None:
    """Has this process killed as soon as the one that ordered it is gone, however that ended.

    It was forked by a fork server, so the system's own signal for this would never come.
    """
    scheduler = multiprocessing.parent_process()
    assert scheduler is not None
    sentinel = scheduler.sentinel

    def watch() -> None:
        connection.wait([sentinel])
        os.kill(os.getpid(), signal.SIGKILL)

    threading.Thread(target=watch, daemon=True).start()


def _ready(pipe: Connection, settings: Settings) -> bool:
    try:
        require_ready(settings)
    except GraderError as error:
        pipe.send(Unfit(str(error)))
        return False
    except Exception as error:  # noqa: BLE001  an author's module may raise whatever it likes
        folder = settings.assignment.folder
        pipe.send(Unfit(f"{folder} cannot be loaded ({type(error).__name__}: {error})"))
        return False
    pipe.send(Ready(sentences(settings.assignment)))
    return True


def _next(pipe: Connection) -> Submission | None:
    try:
        received = pipe.recv()
    except EOFError:
        return None
    assert isinstance(received, Submission)
    return received


def _attempt(submission: Submission, settings: Settings, slot: int, pipe: Connection) -> Event:
    student = submission.student_id
    listener = Listener(
        on_cell=lambda index, count: pipe.send(Progress(student, index + 1, count)),
        on_verdict=lambda verdict: pipe.send(Landed(student, verdict)),
    )
    try:
        return Finished(student, grade(submission, settings, slot, listener))
    except AssignmentError as error:
        return Unfit(str(error))
    except InfrastructureError as error:
        return Failed(student, str(error))
    except Exception as error:  # noqa: BLE001  a fault of ours must not end the worker
        return Failed(student, f"grader itself failed: {type(error).__name__}: {error}")
