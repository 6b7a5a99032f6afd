from __future__ import annotations

import pytest

from reports import typeset


@pytest.mark.parametrize(
    ("value", "text"),
    [(2.0, "2"), (1.5, "1.5"), (1 / 3, "0.33"), (0.0, "0"), (-0.0, "0"), (10.0, "10")],
)
def test_points_carry_no_needless_zeros(value: float, text: str) -> None:
    assert typeset.points(value) == text


def test_points_that_are_no_number_are_a_dash() -> None:
    assert typeset.points(float("nan")) == "–"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1e-9, "10⁻⁹"),
        (3.1e-7, "3.1 × 10⁻⁷"),
        (-2.5, "−2.5"),
        (65536, "65536"),
        (float("nan"), "nan"),
        (10**400, "beyond 10³⁰⁸"),
    ],
)
def test_numbers_have_four_digits_and_real_exponents(value: float, text: str) -> None:
    assert typeset.number(value) == text


def test_colours_of_a_terminal_are_removed() -> None:
    assert typeset.passage("\x1b[0;31mError\x1b[0m \x1b]0;title\x07done", 99).text == "Error done"


def test_control_characters_are_visible() -> None:
    assert typeset.passage("a\x00b\x1bc\x7f", 99).text == "a␀b␛c␡"


def test_marks_that_reorder_text_are_spelled_out() -> None:
    assert typeset.passage("\u202egnp.exe\u2066", 99).text == "‹U+202E›gnp.exe‹U+2066›"


def test_hebrew_names_and_joined_emoji_stay_as_they_are() -> None:
    assert typeset.label("יעל כהן 👩\u200d🔬") == "יעל כהן 👩\u200d🔬"


def test_a_progress_bar_keeps_its_last_state() -> None:
    assert typeset.passage("10 %\r50 %\r100 %\nend\r\n", 99).text == "100 %\nend\n"


def test_a_lone_surrogate_can_be_written_to_disk() -> None:
    assert typeset.passage("a\ud800b", 99).text.encode() == b"a?b"


def test_what_was_cut_is_counted() -> None:
    assert typeset.passage("x" * 1000, 10) == typeset.Passage("x" * 10, 990)
    assert typeset.prose("x" * 1000, 10) == "x" * 10 + "…"


def test_a_name_stands_on_one_line() -> None:
    assert typeset.label(" Ada\n\tByron ") == "Ada Byron"


def test_facts_are_rounded_and_shortened() -> None:
    assert typeset.fact([0.123456, True, None]) == "0.1235, yes, none"
    assert typeset.fact({"mu^2": 1.0, "log var": [0.5]}) == "mu^2 1, log var 0.5"
    assert typeset.fact(list(range(100))).endswith("11, …")
    deep: list[object] = []
    for _ in range(500):
        deep = [deep]
    assert len(typeset.fact(deep)) <= 301


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0214, "21 ms"),
        (41.84, "41.8 s"),
        (119.9, "119.9 s"),
        (605, "10 min 5 s"),
        (7260, "2 h 1 min"),
    ],
)
def test_durations_use_the_unit_that_people_would(seconds: float, text: str) -> None:
    assert typeset.duration(seconds) == text


def test_sizes_are_binary() -> None:
    assert typeset.size(4 << 30) == "4 GiB"
    assert typeset.size(700 << 20) == "700 MiB"
    assert typeset.size(12) == "12 B"


def test_shapes_read_as_in_numpy() -> None:
    assert [typeset.shape(s) for s in (None, (), (1,), (64, 20))] == [
        "",
        "scalar",
        "(1,)",
        "(64, 20)",
    ]
