"""Pages of students, written while others of the class still run."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from grader.exporting import assignment_of_run
from grader.results import SubmissionResult
from grader.store import Store

if TYPE_CHECKING:
    from reports import StudentPages


@contextmanager
def landing_pages(
    store: Store, out: Path, audience: str | None
) -> Iterator[Callable[[SubmissionResult], None]]:
    """Gives a function that writes a student's pages as soon as there is a result.

    The scheduler mostly waits, and a core with it. At the end of the run all pages are gone
    through: those that are there already cost nothing, and what went wrong here is told then.

    Args:
        store: of a run that has begun.
        out: its folder.
        audience: as for `write_outputs`.
    """
    with ExitStack() as opened:
        writers: list[StudentPages] = []

        def open_writers() -> None:
            from reports import StudentPages  # 0.3 s, for which nobody has to wait here

            assignment = assignment_of_run(store, out)
            sentences: dict[str, str] = json.loads(store.fact("sentences") or "{}")
            for readers, folder in (("staff", "report"), ("student", "feedback")):
                if wanted(readers, audience, out / folder):
                    staff = readers == "staff"
                    made = StudentPages(
                        assignment, out / folder, out / "notebooks", sentences, staff=staff
                    )
                    writers.append(opened.enter_context(closing(made)))

        def write(result: SubmissionResult) -> None:
            with suppress(Exception):
                if not writers:
                    open_writers()
                for pages in writers:
                    pages.write(result)

        yield write


def wanted(readers: str, audience: str | None, folder: Path) -> bool:
    """Whether a run writes the pages in a folder: those asked for, and those that it has."""
    return audience in (None, readers) or folder.is_dir()
