from __future__ import annotations

import pytest

from reports import cohort
from tests.reports import sample

RESULTS = sample.results()
SLUGS = {result.student_id: f"s{index}" for index, result in enumerate(RESULTS)}


@pytest.fixture(scope="module")
def page() -> cohort.ClassPage:
    return cohort.page(RESULTS, SLUGS, sample.ASSIGNMENT, sample.CATALOGUE)


def test_the_line_counts_who_is_graded_and_who_waits(page: cohort.ClassPage) -> None:
    assert page.line == "30 hand-ins, 27 graded, mean 15.1, 22 wait for a person."


def test_our_own_failures_come_before_unreadable_files(page: cohort.ClassPage) -> None:
    assert [t.title for t in page.troubles] == [
        "2 hand-ins failed on our side",
        "1 hand-in could not be read",
    ]
    lost, broken_off = page.troubles[0].entries
    assert (lost[0].name, lost[1].split(":")[0]) == (
        "Ngozi Adichie",
        "The sandbox could not be started",
    )
    assert (broken_off[0].name, broken_off[1][:19]) == ("Omar Haddad", "The worker was lost")


def test_every_question_counts_every_graded_hand_in(page: cohort.ClassPage) -> None:
    assert len(page.questions) == 10
    for question in page.questions:
        assert sum(share.count for share in question.shares) == 27
    assert page.questions[1].description == "27 passed"
    assert page.questions[0].description == "5 passed, 22 waits for a person"


def test_mistakes_are_ordered_by_how_many_made_them(page: cohort.ClassPage) -> None:
    counts = [len(mistake.students) for mistake in page.mistakes]
    assert counts == sorted(counts, reverse=True)
    first = page.mistakes[0]
    assert first.id == "kl/missing-half"
    assert "Lin Okafor" in [student.name for student in first.students]
    assert first.announcement.startswith("On 2.3 KL to the unit Gaussian: 6 of 27 hand-ins share")
    assert first.says in first.announcement


def test_an_announcement_names_nobody(page: cohort.ClassPage) -> None:
    for mistake in page.mistakes:
        for student in mistake.students:
            assert student.name not in mistake.announcement


def test_a_row_has_a_glyph_per_question(page: cohort.ClassPage) -> None:
    lin = page.rows[0]
    assert lin.pattern == "?●●◐●●●◐●●"
    assert (lin.link.name, lin.link.href) == ("Lin Okafor", "students/s0.html")
    assert {len(row.pattern) for row in page.rows} == {10}


@pytest.mark.parametrize(
    ("name", "standing", "score"),
    [
        ("Ada Byron", "passed", "20"),
        ("Hana Suzuki", "lost", "19"),
        ("Lin Okafor", "waiting", "14.59"),
        ("Yuki Tanaka", "timeout", "14"),
        ("Lars Nilsson", "memory", "14"),
        ("Ngozi Adichie", "rerun", "–"),
        ("Ines Duarte", "unreadable", "–"),
    ],
)
def test_a_row_says_where_the_hand_in_stands(
    page: cohort.ClassPage, name: str, standing: str, score: str
) -> None:
    (row,) = [row for row in page.rows if row.link.name == name]
    assert (row.standing.key, row.score) == (standing, score)


def test_the_filter_counts_every_row_once(page: cohort.ClassPage) -> None:
    assert sum(count for _, _, count in page.standings) == len(page.rows)


def test_one_unisolated_run_is_counted(page: cohort.ClassPage) -> None:
    assert page.unsafe == 1


def test_an_empty_class_has_a_page() -> None:
    empty = cohort.page([], {}, sample.ASSIGNMENT, {})
    assert empty.line == "0 hand-ins, 0 graded."
    assert empty.histogram is None


def test_one_announcement_covers_what_several_made(page: cohort.ClassPage) -> None:
    several = [mistake for mistake in page.mistakes if len(mistake.students) > 1]
    assert 3 < len(several) < len(page.mistakes)
    for mistake in several[:8]:
        assert mistake.says in page.announcement
    assert "2.3 KL to the unit Gaussian (6 of 27): Your values are exactly" in page.announcement
    assert not any(row.link.name in page.announcement for row in page.rows)
    assert cohort.page([], {}, sample.ASSIGNMENT, {}).announcement == ""


def test_a_mistake_has_a_name_in_words(page: cohort.ClassPage) -> None:
    assert "Log std as log var" in [mistake.name for mistake in page.mistakes]


def test_the_points_of_a_question_are_spread_over_its_columns(page: cohort.ClassPage) -> None:
    for question in page.questions[1:]:
        assert sum(column.count for column in question.spread) == 27
    none, *between, full = page.questions[-1].spread
    assert (none.earned, full.earned, none.tone, full.tone) == ("0", "2", "bad", "good")
    assert sum(column.count for column in between) == 0


def test_points_that_a_person_has_yet_to_give_are_in_no_mean(page: cohort.ClassPage) -> None:
    manual = page.questions[0]
    assert manual.description == "5 passed, 22 waits for a person"
    assert [column.count for column in manual.spread] == [0, 0, 0, 0, 0, 0, 0, 0, 5]
    assert manual.mean == "2"
