from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grader.submission.names import clean_id, printable, quoted, slug


def test_an_ordinary_id_is_kept() -> None:
    assert clean_id("Jane Döe") == "Jane Döe"
    assert clean_id("4417") == "4417"


def test_composed_and_decomposed_unicode_are_one_student() -> None:
    assert clean_id("José") == clean_id("José")


@pytest.mark.parametrize("raw", ["jane\n", "ja\x00ne", "ja\u202ene", "jane\udcff", "", " jane"])
def test_a_changed_id_differs_from_what_it_looks_like(raw: str) -> None:
    cleaned = clean_id(raw)
    assert re.fullmatch(r"(jane|unnamed)~[0-9a-f]{12}", cleaned)


def test_long_ids_keep_their_difference_within_120_characters() -> None:
    first, second = clean_id("x" * 500 + "a"), clean_id("x" * 500 + "b")
    assert first != second
    assert len(first) == len(second) == 120


def test_a_long_name_is_cut_with_an_ellipsis() -> None:
    assert printable("abcdef", 4) == "abc…"
    assert quoted("a\nb\x1b[31m") == "'a b[31m'"


@pytest.mark.parametrize("plain", ["4417", "jansen_p", "a.b-c", "x"])
def test_a_plain_id_is_its_own_slug(plain: str) -> None:
    assert slug(plain) == plain


@pytest.mark.parametrize(
    "name", ["con", "nul.txt", "COM1", "..", ".hidden", "-rf", "a.", "a/b", ""]
)
def test_a_dangerous_id_gets_a_harmless_slug(name: str) -> None:
    assert re.fullmatch(r"[a-z0-9][a-z0-9-]*~[0-9a-f]{12}", slug(name))


def test_case_alone_keeps_slugs_apart_where_case_makes_no_difference() -> None:
    assert slug("Alice").lower() != slug("alice").lower()


@settings(derandomize=True, max_examples=300)
@given(st.lists(st.text(max_size=150), min_size=2, max_size=6, unique=True))
def test_slugs_are_unique_and_fit_every_file_system(ids: list[str]) -> None:
    slugs = [slug(name) for name in ids]
    assert len({name.lower() for name in slugs}) == len(ids)
    assert all(re.fullmatch(r"[a-z0-9][a-z0-9._~-]{0,79}", name) for name in slugs)


@settings(derandomize=True, max_examples=300)
@given(st.text(max_size=300))
def test_ids_are_printable_and_short(raw: str) -> None:
    cleaned = clean_id(raw)
    assert 0 < len(cleaned) <= 120
    assert cleaned == printable(cleaned)
