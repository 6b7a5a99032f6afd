from __future__ import annotations

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from grader.errors import InfrastructureError
from grader.marks import Mark, Marks, in_force, overtaken
from grader.store import FILE, Store

FIRST = Mark("ann", "why", 0, 1.5, "Nearly.", "", "Kim", "d1")


@pytest.fixture
def marks(tmp_path: Path) -> Marks:
    with Store(tmp_path):
        return Marks(tmp_path / FILE)


def of(marks: Marks) -> list[Mark]:
    return marks.by_place()["ann", "why"]


def test_a_mark_is_kept_with_author_time_and_reason(marks: Marks) -> None:
    kept = marks.add(replace(FIRST, reason="asked"))
    assert of(marks) == [kept]
    assert (kept.id, kept.author, kept.reason) == (1, "Kim", "asked")
    assert kept.marked_at.endswith("+00:00")


def test_a_mark_that_saw_the_one_before_replaces_it_and_erases_nothing(marks: Marks) -> None:
    first = marks.add(FIRST)
    second = marks.add(replace(FIRST, follows=first.id, points=2))
    assert of(marks) == [first, second]
    assert in_force(of(marks)) == second
    assert overtaken(of(marks)) == []


def test_of_two_marks_at_once_the_first_is_in_force_and_both_are_kept(marks: Marks) -> None:
    first = marks.add(FIRST)
    rival = marks.add(replace(FIRST, points=0, author="Lee"))
    assert in_force(of(marks)) == first
    assert overtaken(of(marks)) == [rival]


def test_a_later_mark_settles_a_dispute(marks: Marks) -> None:
    first = marks.add(FIRST)
    marks.add(replace(FIRST, points=0, author="Lee"))
    settled = marks.add(replace(FIRST, follows=first.id, points=1))
    assert in_force(of(marks)) == settled
    assert overtaken(of(marks)) == []


def test_a_mark_that_follows_an_overtaken_one_is_overtaken_too(marks: Marks) -> None:
    first = marks.add(FIRST)
    rival = marks.add(replace(FIRST, points=0))
    later = marks.add(replace(FIRST, follows=rival.id, points=1))
    assert in_force(of(marks)) == first
    assert overtaken(of(marks)) == [rival, later]


def test_two_who_say_the_same_at_once_are_no_dispute(marks: Marks) -> None:
    marks.add(FIRST)
    marks.add(replace(FIRST, author="Lee"))
    assert overtaken(of(marks)) == []


def test_nothing_is_in_force_where_nobody_marked() -> None:
    assert in_force([]) is None
    assert overtaken([]) == []


def test_many_writers_at_once_lose_nothing(marks: Marks) -> None:
    with ThreadPoolExecutor(8) as pool:
        drafts = [replace(FIRST, comment=str(number)) for number in range(40)]
        kept = list(pool.map(marks.add, drafts))
    assert {mark.comment for mark in of(marks)} == {str(number) for number in range(40)}
    assert in_force(of(marks)) == min(kept, key=lambda mark: mark.id)
    assert len(overtaken(of(marks))) == 39


def test_marks_are_written_while_a_run_holds_the_store(tmp_path: Path) -> None:
    with Store(tmp_path):
        Marks(tmp_path / FILE).add(FIRST)
        assert len(of(Marks(tmp_path / FILE))) == 1


@pytest.mark.parametrize("change", ["update marks set points = 2", "delete from marks"])
def test_the_table_refuses_to_forget(marks: Marks, tmp_path: Path, change: str) -> None:
    marks.add(FIRST)
    db = sqlite3.connect(tmp_path / FILE)
    with pytest.raises(sqlite3.IntegrityError, match="marks are never"):
        db.execute(change)
    db.close()


def test_a_file_without_marks_is_told_in_a_sentence(tmp_path: Path) -> None:
    marks = Marks(tmp_path / "other.sqlite")
    with pytest.raises(InfrastructureError, match="save again"):
        marks.add(FIRST)
    with pytest.raises(InfrastructureError, match="cannot be read"):
        marks.by_place()
