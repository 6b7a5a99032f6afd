"""A notebook in a kernel that was forked, as against one that was started."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import nbformat
import psutil
import pytest

from grader.kernel.job import Job
from grader.kernel.session import Session
from grader.sandbox import TIERS
from grader.sandbox.warm import Warm

PROBLEM = Warm().problem()
pytestmark = [
    pytest.mark.sandbox,
    pytest.mark.skipif(PROBLEM is not None, reason=str(PROBLEM)),
]

CELLS = (
    "import sys\nimported = 'torch' in sys.modules\nimport torch\nprint('hello')",
    "import wave\nimport colorsys  # modules that nobody has imported before",
    "import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.show()",
    "!echo from a shell",
    "def double(x):\n    return 2 * x\nlearnt = torch.ones(2)\n1 / 0",
)


@pytest.fixture(scope="module", autouse=True)
def _end_the_zygote() -> Iterator[None]:
    yield
    TIERS["warm"].release()


def no_cell(_index: int, _count: int) -> None:
    pass


def kinds(job: Job) -> list[list[str]]:
    """Of each code cell, what kinds of output it has, with the kinds of their data."""
    cells: Any = nbformat.read(job.executed, 4).cells
    return [
        [o.output_type + "".join(sorted(o.get("data", {}))) for o in cell.outputs]
        for cell in cells
        if cell.cell_type == "code"
    ]


def test_a_forked_kernel_shows_and_answers_as_a_started_one_does(
    make_job: Callable[..., Job],
) -> None:
    shown = {}
    for tier in ("warm", "bwrap"):
        job = make_job(*CELLS, tier=tier, cell_seconds=30, total_seconds=60, call_seconds=20)
        with Session(job, no_cell) as session:
            assert session.execute().fault == ""
            subject = session.subject()
            assert subject.call("double", 21) == 42
            assert subject.value("imported") is (tier == "warm")
            rebuilt = subject.rebuilt()
            assert rebuilt.call("double", 4) == 8
        assert session.peak_bytes > 0
        shown[tier] = kinds(job)
    assert shown["warm"] == shown["bwrap"]
    assert "display_dataimage/pngtext/plain" in shown["warm"][2]


def test_a_second_notebook_knows_nothing_of_the_first(make_job: Callable[..., Job]) -> None:
    first = make_job("import builtins\nbuiltins.left = left = 1", tier="warm")
    second = make_job("import builtins\nfound = hasattr(builtins, 'left')", tier="warm")
    with Session(first, no_cell) as session:
        assert session.execute().fault == ""
    with Session(second, no_cell) as session:
        assert session.execute().fault == ""
        assert session.subject().value("found") is False


@pytest.mark.parametrize(
    ("cell", "fault"),
    [
        ("import os\nos._exit(0)", "crashed"),
        ("import ctypes\nctypes.string_at(0)", "crashed"),
        ("import os\nos.kill(os.getpid(), 9)", "crashed"),
        ("x = bytearray(8 << 30)", ""),
        ("while True: pass", "timeout"),
    ],
)
def test_faults_are_told_apart_as_in_a_started_kernel(
    make_job: Callable[..., Job], cell: str, fault: str
) -> None:
    job = make_job("x = 1", cell, tier="warm", memory="2 GiB")
    with Session(job, no_cell) as session:
        assert session.execute().fault == fault


def test_a_kernel_that_loses_its_zygote_is_replaced_by_the_next(
    make_job: Callable[..., Job],
) -> None:
    job = make_job("x = 1", tier="warm")
    with Session(job, no_cell) as session:
        session.execute()
        warm = TIERS["warm"]
        assert isinstance(warm, Warm)
        for share in warm._shares.values():
            assert share._process is not None
            (zygote,) = psutil.Process(share._process.pid).children()
            zygote.kill()
            share._process.wait()
    with Session(make_job("y = 2", tier="warm"), no_cell) as session:
        session.execute()
        assert session.subject().value("y") == 2
