"""Notebooks in real sandboxes. Few, and without torch: each costs seconds."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import psutil
import pytest

from grader.checks.subject import Callback, Definition
from grader.errors import InfrastructureError, SubjectError, SubmissionError
from grader.kernel.execution import OUTPUT_NOTE
from grader.kernel.inside import boot
from grader.kernel.job import Executed, Job
from grader.kernel.session import SECOND_SLOTS, Session, preload, see_off
from grader.sandbox.bubblewrap import FIRST_UID

pytestmark = pytest.mark.sandbox
SLOT = 800

SEES = """
import os, socket
def tried(action):
    try:
        return str(action())
    except Exception as error:
        return type(error).__name__
seen = {
    "references": tried(lambda: __import__("reference.vae")),
    "checks": tried(lambda: __import__("grader.checks")),
    "assignments": tried(lambda: __import__("assignments.vae")),
    "held out": tried(lambda: open(HELD_OUT).read()),
    "another submission": tried(lambda: open(OTHER).read()),
    "network": tried(lambda: socket.create_connection(("1.1.1.1", 53), 1)),
    "processes": sum(name.isdigit() for name in os.listdir("/proc")) < 8,
    "environment": sorted(os.environ),
    "user": os.getuid(),
    "beside": open("helper.py").read(),
    "training data": open(os.environ["GRADER_DATA"] + "/digits/images").read(),
    "write beside": tried(lambda: open("mine.txt", "w").write("x")),
    "write submission": tried(lambda: open("/submission/helper.py", "w")),
    "write library": tried(lambda: open("/run/grader/grader/errors.py", "w")),
    "fill the disk": tried(lambda: open("big", "wb").write(bytes(16 << 20))),
    "links and folders": [os.path.lexists("link"), os.path.isdir("folder")],
}
"""
ANSWERS = """
import time
class Model:
    def __init__(self, width=1):
        self.width = width
    def double(self, x):
        return 2 * x * self.width
def hang():
    while True:
        pass
def deaf():
    while True:
        try:
            while True:
                time.sleep(0.01)
        except KeyboardInterrupt:
            pass
learnt = Model(7)
learnt.learnt = True
"""


def no_cell(index: int, count: int) -> None:
    pass


def outputs(job: Job) -> list[str]:
    """What each code cell of the executed notebook shows, as text."""
    notebook = nbformat.read(job.executed, as_version=4)
    return [
        "".join(out.get("text", out.get("evalue", "")) for out in cell.outputs)
        for cell in notebook.cells
        if cell.cell_type == "code"
    ]


def left_behind(slot: int) -> list[str]:
    """Processes of the slot's users that are still there a while after they were killed."""
    end = time.monotonic() + 5
    while (found := running(slot)) and time.monotonic() < end:
        time.sleep(0.05)
    return found


def running(slot: int) -> list[str]:
    users = {FIRST_UID + slot, FIRST_UID + slot + SECOND_SLOTS}
    processes = [process.info for process in psutil.process_iter(["uids", "cmdline", "pid"])]
    return [str(info) for info in processes if info["uids"] and info["uids"].real in users]


@pytest.fixture(scope="module")
def ran(
    make_job: Callable[..., Job], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Session, Job, Executed, list[int]]]:
    """One notebook that tries much, executed, with its kernel still answering."""
    host = tmp_path_factory.mktemp("host")
    (host / "mine").mkdir()
    (host / "mine/helper.py").write_text("x = 1", "utf-8")
    (host / "mine/link").symlink_to("/etc/passwd")
    (host / "mine/folder").mkdir()
    (host / "images").write_text("training", "utf-8")
    (host / "other.py").write_text("secret", "utf-8")
    paths = f"HELD_OUT = {str(host / 'images')!r}\nOTHER = {str(host / 'other.py')!r}"
    job = make_job(
        "# parameters\nsize = 1\nkept = 2",
        "raise ValueError('in a cell')",
        "while True:\n    pass",
        "hog = bytearray(4 << 30)",
        "print('x' * 10_000_000)\nprint('after')",
        "print('nothing more')",
        paths,
        SEES,
        ANSWERS,
        slot=SLOT,
        submission=host / "mine",
        data=(("digits/images", host / "images"),),
        parameters={"size": 5},
    )
    cells: list[int] = []
    with Session(job, lambda index, _: cells.append(index)) as session:
        yield session, job, session.execute(), cells
    assert session.peak_bytes > 30 << 20
    assert not session._folder.exists()
    assert left_behind(SLOT) == []


def test_a_cell_at_its_deadline_is_interrupted_and_the_next_ones_go_on(ran: Any) -> None:
    _, _, executed, cells = ran
    assert executed.fault == "timeout"
    assert executed.reason == "stopped at a deadline in cell 5"
    assert executed.alive
    assert 2 < executed.seconds < 20
    assert cells == list(range(11))


def test_an_error_in_a_cell_stays_in_its_output(ran: Any) -> None:
    shown = outputs(ran[1])
    assert shown[2] == "in a cell"


def test_a_cell_that_asks_for_too_much_memory_gets_a_memory_error(ran: Any) -> None:
    notebook = nbformat.read(ran[1].executed, as_version=4)
    (error,) = notebook.cells[6 - 1].outputs
    assert error.ename == "MemoryError"


def test_a_flood_of_output_is_cut_with_a_note(ran: Any) -> None:
    shown = outputs(ran[1])
    assert sum(map(len, shown)) < 200 << 10
    assert sum(text.count(OUTPUT_NOTE) for text in shown) == 1
    assert "nothing more" not in "".join(shown)


def test_parameters_are_injected_behind_their_cell(ran: Any) -> None:
    session, _, executed, _ = ran
    assert executed.overridden == {"size": 5}
    assert session.subject().value("size") == 5
    assert session.subject().value("kept") == 2


def test_a_notebook_sees_what_it_was_given_and_nothing_else(ran: Any) -> None:
    seen = ran[0].subject().value("seen")
    assert seen["references"] == seen["checks"] == "ModuleNotFoundError"
    assert seen["assignments"] == "ModuleNotFoundError"
    assert seen["held out"] == seen["another submission"] == "FileNotFoundError"
    assert seen["network"] == "OSError"
    assert seen["processes"] is True
    assert seen["user"] == FIRST_UID + SLOT
    assert seen["beside"] == "x = 1"
    assert seen["links and folders"] == [False, True]
    assert seen["training data"] == "training"


def test_a_notebook_inherits_no_variable_of_the_host(ran: Any) -> None:
    seen = ran[0].subject().value("seen")
    assert not [name for name in seen["environment"] if name.startswith(("PYTEST", "COV"))]
    assert "GRADER_DATA" in seen["environment"]


def test_a_notebook_writes_in_its_own_folder_only_and_not_much(ran: Any) -> None:
    seen = ran[0].subject().value("seen")
    assert seen["write beside"] == "1"
    assert seen["write submission"] == seen["write library"] == "OSError"
    assert seen["fill the disk"] == "OSError"


def test_the_kernel_answers(ran: Any) -> None:
    subject = ran[0].subject()
    assert subject.definition("Model") == Definition("class", ("width",))
    model = subject.new("Model", 3)
    assert subject.call(model, 2, method="double") == 12
    assert subject.value("learnt").type_name == "Model"


def test_a_call_that_hangs_is_interrupted_and_the_next_is_answered(ran: Any) -> None:
    subject = ran[0].subject()
    with pytest.raises(SubjectError, match="no answer within 5 s") as caught:
        subject.call("hang")
    assert caught.value.fault == "timeout"
    assert subject.value("size") == 5


def test_the_definitions_are_rebuilt_without_what_was_learnt(ran: Any) -> None:
    session, _, _, _ = ran
    rebuilt = session.subject().rebuilt()
    assert rebuilt.definition("learnt").kind == "missing"
    assert rebuilt.value("size") == 5
    assert rebuilt.call(rebuilt.new("Model", 2), 1, method="double") == 4


def test_zz_a_call_that_ignores_the_interrupt_costs_the_kernel_and_no_more(ran: Any) -> None:
    subject = ran[0].subject()
    for _ in range(2):
        began = time.monotonic()
        with pytest.raises(SubjectError, match="none after an interrupt") as caught:
            subject.call("deaf")
        assert caught.value.fault == "timeout"
    assert time.monotonic() - began < 1


def test_nothing_of_the_students_runs_before_its_turn(make_job: Callable[..., Job]) -> None:
    job = make_job("import time\nbegan = time.monotonic()", slot=SLOT + 9)
    with Session(job, no_cell) as session:
        session.come_up()
        time.sleep(0.3)
        told_to_run = time.monotonic()
        assert session.execute().alive
        began = session.subject().value("began")
    assert isinstance(began, float)
    # The clock is one for the whole machine.
    assert began > told_to_run


def test_a_kernel_that_ends_before_its_turn_is_ours(make_job: Callable[..., Job]) -> None:
    with Session(make_job("x = 1", slot=SLOT + 10), no_cell) as session:
        session.come_up()
        for process in psutil.process_iter(["uids"]):
            if process.info["uids"] and process.info["uids"].real == FIRST_UID + SLOT + 10:
                process.kill()
        assert left_behind(SLOT + 10) == []
        time.sleep(0.5)  # what has started them ends, too
        with pytest.raises(InfrastructureError, match="ended early"):
            session.execute()


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


def test_arrays_and_functions_of_ours_cross_the_fence(make_job: Callable[..., Job]) -> None:
    pytest.importorskip("torch")
    cell = "import torch\ndef f(decoder, x):\n    return decoder(x) + torch.randn(2)"
    job = make_job(cell, slot=SLOT + 6, memory="4 GiB", cell_seconds=60, call_seconds=20)
    with Session(job, no_cell) as session:
        assert session.execute().fault == ""
        subject = session.subject()
        x = np.ones(2, np.float32)
        one = subject.call("f", Callback(lambda x: 10 * x), x, seed=1)
        same = subject.call("f", Callback(lambda x: 10 * x), x, seed=1)
    assert one.shape == (2,)
    assert np.array_equal(one, same)
