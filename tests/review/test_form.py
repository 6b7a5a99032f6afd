from __future__ import annotations

import pytest

from grader.review.form import Draft, FormError, draft


@pytest.mark.parametrize(
    ("typed", "worth"), [("1.5", 1.5), ("1,5", 1.5), (" 0 ".strip(), 0), ("2", 2), (".335", 0.34)]
)
def test_points_are_read_as_people_type_them(typed: str, worth: float) -> None:
    assert Draft(points=typed).worth(2) == pytest.approx(worth, abs=0.006)


@pytest.mark.parametrize(
    "typed", ["", "two", "-1", "2.01", "nan", "inf", "1e400", "1.5.2", "1,0,0"]
)
def test_what_is_no_number_of_points_is_told(typed: str) -> None:
    with pytest.raises(FormError, match="from 0 to 2"):
        Draft(points=typed).worth(2)


def test_withdrawing_needs_no_points() -> None:
    assert Draft(points="", withdraws=True).worth(2) is None


def test_a_draft_is_read_with_line_ends_as_here() -> None:
    sent = {"points": " 1 ", "comment": "a\r\nb ", "follows": "7", "action": "withdraw"}
    assert draft(sent) == Draft("1", "a\nb", "", 7, withdraws=True)


@pytest.mark.parametrize("follows", ["", "-1", "x", "²", "9" * 30])
def test_what_was_followed_is_a_number_or_nothing(follows: str) -> None:
    assert draft({"follows": follows}).follows == 0


def test_text_is_bounded() -> None:
    assert len(draft({"comment": "x" * 20_000}).comment) == 10_000
