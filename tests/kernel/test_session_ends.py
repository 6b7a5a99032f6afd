"""Sessions that begin, end or break in every other way than by coming to their end."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from grader.errors import InfrastructureError, SubjectError, SubmissionError
from grader.kernel.inside import boot
from grader.kernel.job import Job
from grader.kernel.session import Session, preload, see_off
from tests.kernel.slots import SLOT, left_behind, no_cell, running

pytestmark = pytest.mark.sandbox


def test_the_end_of_the_kernel_is_a_crash(make_job: Callable[..., Job]) -> None:
    job = make_job("import os", "os._exit(0)", "x = 1", slot=SLOT + 1)
    with Session(job, no_cell) as session:
        executed = session.execute()
    assert (executed.fault, executed.alive) == ("crashed", False)
    assert "os._exit" in executed.reason
    assert not session._folder.exists()
    assert left_behind(SLOT + 1) == []


def test_many_processes_cannot_use_more_memory_together_than_one(
    make_job: Callable[..., Job],
) -> None:
    fork = "import os, time\nfor _ in range(8):\n    if not os.fork():\n"
    fork += (
        "        hog = bytearray(os.urandom(1 << 20)) * 64\n        time.sleep(60)\ntime.sleep(60)"
    )
    job = make_job(fork, slot=SLOT + 2, memory="384 MiB", cell_seconds=20)
    with Session(job, no_cell) as session:
        executed = session.execute()
    assert (executed.fault, executed.alive) == ("memory", False)
    assert executed.reason == "used more than 384 MiB of memory"
    assert session.peak_bytes > 384 << 20
    assert left_behind(SLOT + 2) == []


def test_the_notebook_as_a_whole_has_a_deadline_and_a_definition_that_hangs_too(
    make_job: Callable[..., Job], monkeypatch: pytest.MonkeyPatch
) -> None:
    hangs = "import time\nwait = time.sleep(1.2)"
    job = make_job("x = 1", hangs, "y = 2", slot=SLOT + 7, total_seconds=1)
    with Session(job, no_cell) as session:
        executed = session.execute()
        subject = session.subject()
        assert subject.value("x") == 1
        assert subject.definition("y").kind == "missing"
        monkeypatch.setattr("grader.kernel.session.SLACK_SECONDS", 0.5)
        with pytest.raises(SubjectError, match="could not be executed alone"):
            subject.rebuilt()
    assert (executed.fault, executed.alive) == ("timeout", True)
    assert left_behind(SLOT + 7) == []


def test_a_driver_that_dies_under_a_notebook_is_a_crash_and_before_it_our_fault(
    make_job: Callable[..., Job],
) -> None:
    job = make_job("x = 1", "import time\ntime.sleep(60)", slot=SLOT + 8, cell_seconds=60)
    preload()

    def kill(index: int, count: int) -> None:
        if index == 1:
            session._process.kill()

    with Session(job, kill) as session:
        executed = session.execute()
    assert (executed.fault, executed.alive) == ("crashed", False)
    assert not session._folder.exists()
    assert left_behind(SLOT + 8) == []
    with Session(job, no_cell) as session:
        session._process.kill()
        with pytest.raises(InfrastructureError, match="before the sandbox had started"):
            session.execute()
    assert not session._folder.exists()


def test_frames_that_break_the_driver_are_a_crash_without_a_traceback(
    make_job: Callable[..., Job], capfd: pytest.CaptureFixture[str]
) -> None:
    job = make_job(
        "from IPython import get_ipython\n"
        "parts = [b'stream', b'<IDS|MSG>', b'', b'{}', b'{}', b'{}', b'{}']\n"
        "get_ipython().kernel.iopub_socket.send_multipart(parts)",
        "import time\ntime.sleep(60)",
        slot=SLOT + 8,
        cell_seconds=60,
    )
    with Session(job, no_cell) as session:
        executed = session.execute()
    assert (executed.fault, executed.alive) == ("crashed", False)
    assert executed.reason == "the notebook broke the process that watches it (ValueError)"
    assert capfd.readouterr().err == ""
    assert left_behind(SLOT + 8) == []


def test_what_is_no_notebook_is_the_submissions_fault(make_job: Callable[..., Job]) -> None:
    job = make_job("x = 1", slot=SLOT + 3)
    job.notebook.write_text("{", "utf-8")
    with Session(job, no_cell) as session, pytest.raises(SubmissionError, match=r"work\.ipynb"):
        session.execute()


def test_a_sandbox_that_does_not_start_is_our_fault(
    make_job: Callable[..., Job], tmp_path: Path
) -> None:
    job = make_job("x = 1", slot=SLOT + 3, submission=tmp_path / "gone")
    with Session(job, no_cell) as session, pytest.raises(InfrastructureError, match="gone"):
        session.execute()


def test_a_disk_that_takes_no_notebook_is_our_fault(
    make_job: Callable[..., Job], tmp_path: Path
) -> None:
    job = replace(make_job("x = 1", slot=SLOT + 3), executed=tmp_path / "gone" / "work.ipynb")
    with (
        Session(job, no_cell) as session,
        pytest.raises(InfrastructureError, match="cannot be written"),
    ):
        session.execute()


def test_a_kernel_may_use_more_memory_than_the_driver(make_job: Callable[..., Job]) -> None:
    cell = "import resource\nlimit = resource.getrlimit(resource.RLIMIT_DATA)[0]"
    with Session(make_job(cell, slot=SLOT + 3, memory="3 GiB"), no_cell) as session:
        session.execute()
        assert session.subject().value("limit") == 3 << 30


def test_leaving_in_the_middle_of_a_cell_ends_it_at_once(make_job: Callable[..., Job]) -> None:
    job = make_job("x = 1", "import time\ntime.sleep(60)", slot=SLOT + 4, cell_seconds=60)

    def leave(index: int, count: int) -> None:
        if index == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), Session(job, leave) as session:
        session.execute()
    assert not session._folder.exists()
    assert left_behind(SLOT + 4) == []


def test_without_isolation_the_same_happens_and_the_home_goes(make_job: Callable[..., Job]) -> None:
    cells = ("import os\nhome = os.getcwd()", "def f(x):\n    return x + 1")
    job = make_job(*cells, tier="none", call_seconds=20)  # the first call imports torch
    with Session(job, no_cell) as session:
        executed = session.execute()
        subject = session.subject()
        home = Path(subject.value("home"))
        assert subject.call("f", 1) == 2
        assert home.is_dir()
        assert subject.rebuilt().call("f", 2) == 3
    see_off()
    assert executed.fault == ""
    assert not home.exists()
    assert boot.LIBRARY not in str(home)


OWNER = """
import sys, time
from pathlib import Path
from grader.assignment import Limits
from grader.kernel.job import Job
from grader.kernel.session import Session
from grader.sandbox import Sandbox

def main():
    library, notebook, slot = sys.argv[1:]
    sandbox = Sandbox(library=Path(library), limits=Limits(), slot=int(slot))
    job = Job(Path(notebook), Path(notebook).with_suffix(".out"), "bwrap", sandbox)
    def on_cell(index, count):
        print(session._folder, flush=True)
    with Session(job, on_cell) as session:
        session.execute()

if __name__ == "__main__":
    main()
"""


def test_when_the_owner_is_killed_nothing_stays(
    make_job: Callable[..., Job], tmp_path: Path
) -> None:
    script = tmp_path / "owner.py"
    script.write_text(OWNER, "utf-8")
    job = make_job("import time\nwhile True:\n    time.sleep(0.1)", slot=SLOT + 5)
    arguments = [job.sandbox.library, job.notebook, SLOT + 5]
    with subprocess.Popen(
        [sys.executable, script, *map(str, arguments)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    ) as owner:
        assert owner.stdout is not None
        folder = Path(owner.stdout.readline().strip())
        assert folder.is_dir()
        time.sleep(0.5)
        family = psutil.Process(owner.pid).children(recursive=True)
        assert running(SLOT + 5)
        owner.kill()
        _, alive = psutil.wait_procs(family, timeout=5)
    assert [process for process in alive if process.status() != psutil.STATUS_ZOMBIE] == []
    assert left_behind(SLOT + 5) == []
    assert not folder.exists()
