"""Student kernels for the benchmarks, started as `grader run` starts them."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import classroom

from grader.assignment import Limits
from grader.checks.subject import Subject
from grader.kernel.job import Job
from grader.kernel.library import stage_library
from grader.kernel.session import Session, preload
from grader.sandbox import TIERS, Sandbox

TIER = "warm"


@contextmanager
def place() -> Iterator[Path]:
    """A folder for `kernel`, with all that sandboxes share held until the end."""
    preload()
    with tempfile.TemporaryDirectory(prefix="grader-bench-") as folder:
        sandbox = Sandbox(library=stage_library(Path(folder) / "library"), limits=Limits())
        TIERS[TIER].prepare(sandbox)
        try:
            yield Path(folder)
        finally:
            TIERS[TIER].release()


@contextmanager
def kernel(folder: Path, number: int, *cells: str) -> Iterator[Subject]:
    """A kernel that has executed a hand-in of the class and answers.

    Args:
        folder: from `place`.
        number: of the kernel among those that run at the same time.
        cells: executed behind those of the hand-in.
    """
    handed_in = classroom.plain(number)
    handed_in.cells += [classroom.new_code_cell(source) for source in cells]
    job = Job(
        notebook=classroom.write(handed_in, folder / f"{number}.ipynb"),
        executed=folder / f"{number}-executed.ipynb",
        tier=TIER,
        sandbox=Sandbox(library=folder / "library", limits=Limits(), slot=number),
    )
    with ExitStack() as opened:
        session = opened.enter_context(Session(job, lambda _index, _count: None))
        executed = session.execute()
        if not executed.alive:
            raise SystemExit(f"the kernel is gone: {executed.reason}")
        yield session.subject()
