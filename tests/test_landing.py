from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from grader.batch import Options, run_batch
from grader.results import SubmissionResult
from grader.schedule import events
from grader.written import write
from reports import students
from tests.batches import Recorded


class Looking(Recorded):
    """Looks which pages there are whenever a submission has finished."""

    def __init__(self, out: Path) -> None:
        super().__init__()
        self._out = out
        self.seen: list[list[str]] = []

    def tell(self, event: events.Event) -> None:
        super().tell(event)
        if isinstance(event, events.Finished):
            pages = self._out.rglob("*.html")
            self.seen.append(sorted(str(page.relative_to(self._out)) for page in pages))


@pytest.fixture
def graded(
    hand_in: Callable[..., Path], sums: Path, run: object, tmp_path: Path
) -> Callable[[], Looking]:
    """Grades two students, one after the other."""
    hand_in("ann")
    folder = hand_in("bob")

    def grade() -> Looking:
        display = Looking(tmp_path / "out")
        options = Options(folder, tmp_path / "out", str(sums), isolation="none", jobs=1)
        run_batch(options, display)
        return display

    return grade


def test_a_student_has_pages_before_the_next_one_is_done(
    graded: Callable[[], Looking], monkeypatch: pytest.MonkeyPatch
) -> None:
    written: Counter[str] = Counter()

    def counted(path: Path, parts: Iterable[str]) -> None:
        written[f"{path.parent.name}/{path.name}"] += 1
        write(path, parts)

    monkeypatch.setattr(students, "write", counted)
    display = graded()
    one = [["feedback/ann.html", "report/students/ann.html"]]
    other = [["feedback/bob.html", "report/students/bob.html"]]
    assert display.seen in (
        [one[0], sorted(one[0] + other[0])],
        [other[0], sorted(one[0] + other[0])],
    )
    # What was written on the way is not written again at the end.
    assert set(written.values()) == {1}
    assert len(written) == 4


def test_a_page_that_cannot_be_made_yet_costs_the_run_nothing(
    graded: Callable[[], Looking], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    write = students.StudentPages.write
    refused: list[str] = []

    def refuse(pages: students.StudentPages, result: SubmissionResult) -> str:
        if len(refused) < 2:
            refused.append(result.student_id)
            raise RuntimeError("a figure that nobody had thought of")
        return write(pages, result)

    monkeypatch.setattr(students.StudentPages, "write", refuse)
    display = graded()
    assert display.seen == [[], []]
    assert len(refused) == 2
    assert len(list((tmp_path / "out").rglob("*.html"))) == 5  # two of each, and the class page
