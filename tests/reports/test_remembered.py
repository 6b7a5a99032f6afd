from __future__ import annotations

from array import array
from contextlib import closing
from pathlib import Path

import pytest

from grader.errors import InfrastructureError
from grader.written import writing
from reports.remembered import Remembered


def test_what_was_kept_is_there_the_next_time(tmp_path: Path) -> None:
    path = tmp_path / "pages.sqlite"
    with closing(Remembered(path)) as first:
        first.keep_page("ann.html", "1")
        first.keep_prints("2", array("I", [3, 5]))
    with closing(Remembered(path)) as second:
        assert (second.page("ann.html"), second.page("bob.html")) == ("1", None)
        assert (second.prints("2"), second.prints("1")) == (array("I", [3, 5]), None)


def test_a_file_that_cannot_be_read_is_made_anew(tmp_path: Path) -> None:
    path = tmp_path / "pages.sqlite"
    path.write_bytes(b"no database at all" * 100)
    with closing(Remembered(path)) as remembered:
        assert remembered.page("ann.html") is None
        remembered.keep_page("ann.html", "1")


def test_a_full_disk_is_what_it_is_to_every_page(tmp_path: Path) -> None:
    def keep_much(remembered: Remembered) -> None:
        with writing(tmp_path):
            remembered.keep_page("ann.html", "x" * 100_000)

    with closing(Remembered(tmp_path / "pages.sqlite")) as remembered:
        remembered._db.execute("pragma max_page_count = 1")  # no more than there are
        with pytest.raises(InfrastructureError, match=r"cannot be written .*full.* are kept"):
            keep_much(remembered)
