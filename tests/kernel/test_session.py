"""Notebooks in real sandboxes. Few, and without torch: each costs seconds."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import nbformat
import numpy as np
import pytest

from grader.checks.subject import Callback, Definition
from grader.errors import SubjectError
from grader.kernel.execution import OUTPUT_NOTE
from grader.kernel.job import Executed, Job
from grader.kernel.session import Session
from grader.sandbox.bubblewrap import FIRST_UID
from tests.kernel.slots import SLOT, left_behind, no_cell

pytestmark = pytest.mark.sandbox

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
def imported(name):
    import sys
    return name in sys.modules
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


def outputs(job: Job) -> list[str]:
    """What each code cell of the executed notebook shows, as text."""
    notebook = nbformat.read(job.executed, as_version=4)
    return [
        "".join(out.get("text", out.get("evalue", "")) for out in cell.outputs)
        for cell in notebook.cells
        if cell.cell_type == "code"
    ]


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
    assert subject.call(subject.new("Model", 2), 1, method="double") == 4
    assert not subject.call("imported", "torch")  # seconds, in a kernel that began without it


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
