from __future__ import annotations

import pytest

from reports.figures import histogram, spread


def test_every_score_falls_into_one_bar() -> None:
    drawn = histogram([0, 0.5, 1, 19.99, 20], 20)
    assert drawn is not None
    counts = [bar.count for bar in drawn.bars]
    assert len(counts) == 20
    assert (counts[0], counts[1], counts[19], sum(counts)) == (2, 1, 2, 5)


def test_the_last_bar_holds_the_full_score() -> None:
    drawn = histogram([7.5], 7.5)
    assert drawn is not None
    assert drawn.bars[-1].count == 1
    assert drawn.bars[-1].range == "7 to 7.5"


@pytest.mark.parametrize("max_score", [0.5, 1, 3, 7.5, 12, 20, 21, 22, 50, 100, 137, 1000])
def test_bars_are_few_and_as_wide_as_a_round_number(max_score: float) -> None:
    drawn = histogram([max_score / 2], max_score)
    assert drawn is not None
    assert 4 <= len(drawn.bars) <= 21
    assert len(drawn.ticks) <= 7
    assert sum(bar.width for bar in drawn.bars) == pytest.approx(100, abs=0.05)


def test_the_mean_has_its_place() -> None:
    drawn = histogram([10, 20], 20)
    assert drawn is not None
    assert drawn.mean == 75


def test_the_words_say_what_is_drawn() -> None:
    drawn = histogram([1.5, 1.7, 3], 4)
    assert drawn is not None
    assert "3 to 3.2 points: 1 hand-in" in drawn.description
    assert "1.6 to 1.8 points: 1 hand-in" in drawn.description


def test_without_scores_nothing_is_drawn() -> None:
    assert histogram([], 20) is None
    assert histogram([0.0], 0) is None


def test_a_column_holds_what_is_nearest_to_its_eighth() -> None:
    columns = spread([0, 0.1, 0.5, 1, 1, 1.2, -0.3], 1)
    assert [column.count for column in columns] == [2, 1, 0, 0, 1, 0, 0, 0, 3]
    assert columns[8].height == 100
    assert columns[4].earned == "0.5"
    assert spread([], 1) == spread([0], 0) == ()
