from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

import reports
from grader.results import SubmissionResult
from reports.fingerprints import prints_of
from reports.notebook import Cell
from reports.similarity import alike
from tests.reports import sample
from tests.reports.sample import ASSIGNMENT, XSS
from tests.reports.sample_notebook import code as cell
from tests.reports.test_fingerprints import KLD, RENAMED, sentence

OWN = "\n".join(sentence(seed, 40) for seed in (1, 2, 3))


def of(*sources: str) -> Sequence[int]:
    return prints_of([Cell("code", source) for source in sources])


def test_two_who_share_their_own_code_are_a_pair() -> None:
    (pair,) = alike(
        [
            of(OWN, sentence(4, 60)),
            of(OWN),
            of(sentence(5, 80), KLD),
            of(sentence(6, 80), RENAMED),
        ]
    )
    assert (pair.one, pair.other) == (0, 1)
    assert pair.shares[1] > 0.9
    assert 0.5 < pair.shares[0] < 0.8  # 120 of the first one's 180 tokens


def test_a_formula_that_two_write_alike_is_no_pair() -> None:
    assert alike([of(sentence(5, 300), KLD), of(sentence(6, 300), RENAMED)]) == ()


def test_what_many_have_in_common_is_nobodys_own() -> None:
    many = [of(OWN, sentence(100 + i, 60)) for i in range(5)]
    assert alike(many) == ()
    assert len(alike(many[:4])) == 6


def test_nobody_is_compared_with_an_empty_notebook() -> None:
    assert alike([]) == ()
    assert alike([of(), of(""), of(OWN)]) == ()


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """A report on three students, two of whom have the same code; one has a hostile name."""
    results: list[SubmissionResult] = []
    (tmp_path / "notebooks").mkdir()
    hostile = f"# {XSS}\n'''</code></pre>{XSS}'''\n{OWN}"
    for index, source in enumerate([hostile, OWN, sentence(9, 200)]):
        result = replace(sample.student(index, f"Student {index}", ""), executed=f"{index}.ipynb")
        results.append(replace(result, name=XSS) if index == 0 else result)
        document = {"cells": [cell("import torch", ""), cell(source, "kl")]}
        (tmp_path / "notebooks" / f"{index}.ipynb").write_text(json.dumps(document))
    reports.render(results, ASSIGNMENT, tmp_path / "report", tmp_path / "notebooks", {})
    reports.render_feedback(results, ASSIGNMENT, tmp_path / "feedback", tmp_path / "notebooks", {})
    return tmp_path


def test_the_class_page_leads_to_the_two_cells_side_by_side(out: Path) -> None:
    page = (out / "report" / "index.html").read_text("utf-8")
    assert 'href="pairs/4400--4417.html"' in page
    pair = (out / "report" / "pairs" / "4400--4417.html").read_text("utf-8")
    assert pair.count('<pre class="code"') == 2
    # The three lines that both have, on both sides.
    assert pair.count('<span class="hll">') == 6
    assert 'href="../students/4417.html"' in pair


def test_nothing_of_it_reaches_students_or_a_score(out: Path) -> None:
    pages = [path.read_text("utf-8") for path in (out / "feedback").iterdir()]
    assert len(pages) == 3
    assert not any("like code" in page or "pairs/" in page for page in pages)


def test_hostile_code_and_names_are_text_on_the_page_of_a_pair(out: Path) -> None:
    pair = (out / "report" / "pairs" / "4400--4417.html").read_text("utf-8")
    assert XSS not in pair
    assert "<script" not in pair
    assert "&lt;script&gt;" in pair


def test_a_pair_that_is_no_more_has_no_page(out: Path) -> None:
    stale = out / "report" / "pairs" / "old.html"
    stale.write_text("old")
    reports.render([], ASSIGNMENT, out / "report", out / "notebooks", {})
    assert list((out / "report" / "pairs").iterdir()) == []
