from __future__ import annotations

import pytest

from grader.errors import UsageError
from grader.export.roster import Joined, join
from grader.results import SubmissionResult


def submitted(**names: str) -> list[SubmissionResult]:
    return [SubmissionResult(id, name, "vae", "graded") for id, name in names.items()]


def pairs(joined: Joined) -> list[tuple[str, str | None]]:
    return [(next(iter(row.values())), result and result.student_id) for row, result in joined.rows]


def test_students_are_found_by_the_platforms_id() -> None:
    text = 'Student,ID,Section\n    Points Possible,,\n"Doe, Jane",s1,A\nKim,s2,A\n'
    joined = join(text, "roster.csv", submitted(s2="x", s3="y"))
    assert pairs(joined) == [("Doe, Jane", None), ("Kim", "s2")]
    assert joined.missing == ["Doe, Jane"]
    assert [result.student_id for result in joined.strangers] == ["s3"]


def test_a_worksheet_of_moodle_says_participant() -> None:
    text = "Identifier,Full name\nParticipant s1,Jane Doe\n"
    assert pairs(join(text, "w.csv", submitted(s1="Jane Doe"))) == [("Participant s1", "s1")]


def test_an_address_is_found_by_its_login() -> None:
    text = "email;name\nkim@uni.example;Kim\n"
    assert pairs(join(text, "r.csv", submitted(kim="?"))) == [("kim@uni.example", "kim")]


@pytest.mark.parametrize("name", ["doejane", "Jane Doe", "JANE-DOE", "doe_jane"])
def test_a_name_counts_in_any_order_where_no_id_is_known(name: str) -> None:
    joined = join('name\n"Doe, Jane"\n', "r.csv", submitted(x=name))
    assert pairs(joined) == [("Doe, Jane", "x")]


def test_two_of_one_name_are_not_told_apart_by_it() -> None:
    twins = join("name,id\nKim Lee,1\nKim Lee,2\n", "r.csv", submitted(a="Kim Lee"))
    assert pairs(twins) == [("Kim Lee", None), ("Kim Lee", None)]
    both = join("name\nKim Lee\n", "r.csv", submitted(a="Kim Lee", b="Lee Kim"))
    assert pairs(both) == [("Kim Lee", None)]
    assert len(both.strangers) == 2


def test_an_id_goes_before_a_name() -> None:
    joined = join("name,id\nKim Lee,b\n", "r.csv", submitted(a="Kim Lee", b="somebody"))
    assert pairs(joined) == [("Kim Lee", "b")]


def test_a_byte_order_mark_and_empty_lines_are_no_matter() -> None:
    joined = join("\ufeffid\tname\n\n1\tKim\n\n", "r.csv", submitted(**{"1": "Kim"}))
    assert pairs(joined) == [("1", "1")]


@pytest.mark.parametrize("text", ["", "\n\n", "points,section\n3,A\n"])
def test_what_is_no_roster_is_told(text: str) -> None:
    with pytest.raises(UsageError, match=r"r\.csv"):
        join(text, "r.csv", [])
