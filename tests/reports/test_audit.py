from __future__ import annotations

import re
import subprocess
import sys

from tests.reports.sample import XSS
from tests.reports.sample_audit import DETECTS, FIT, NAMES, UNFIT, page_of
from tests.reports.test_render import Page


def rows_of(html: str) -> list[list[str]]:
    """The cells of the matrix as text, a list for each row."""
    (matrix,) = re.findall(r'<div class="matrix".*?</div>', html, re.DOTALL)
    rows = re.findall(r"<tr.*?</tr>", matrix, re.DOTALL)
    cells = [re.findall(r"<t[hd].*?</t[hd]>", row, re.DOTALL) for row in rows]
    return [[re.sub(r"<.*?>", "", cell, flags=re.DOTALL).strip() for cell in row] for row in cells]


def test_the_matrix_marks_what_kills_each_mistake() -> None:
    assert rows_of(page_of(FIT)) == [
        ["Mistake", "kl_is_right", "law_is_right", "kl_far_out", "Named as"],
        ["KLD"],
        ["kl/missing-half", "×", "·", "×", "itself"],
        ["kl/mean", "×", "·", "·", "itself or kl/sum"],
        ["sample"],
        ["law/zeros", "·", "×", "·", "not named"],
    ]


def test_each_check_says_what_it_costs_and_how_sure_it_is() -> None:
    text = " ".join(Page(page_of(FIT)).text.split())
    assert "kl_is_right1.2 KL to the unit Gaussian1neverany above rounding" in text
    assert f"law_is_right2.1 A sample1below 10⁻⁹{DETECTS}1.5 s" in text
    assert "kl_far_out hidden" in text


def test_an_audit_without_problems_is_fit() -> None:
    text = Page(page_of(FIT)).text
    assert "Fit for release" in text
    assert "2 of 2 right solutions pass." in text


def test_problems_come_first() -> None:
    text = Page(page_of(UNFIT)).text
    assert "Not fit for release" in text
    assert text.index("0 survives every check") < text.index("What catches each mistake")
    assert f"fails {NAMES[0]}" in text
    assert "bpd/plain meets no check" in text
    assert "1 of 3 right solutions pass." in text
    assert [row[-1] for row in rows_of(page_of(UNFIT))].count("survives") == 1


def test_what_was_not_audited_is_listed() -> None:
    text = Page(page_of(FIT, "bpd_is_low", "there_is_a_figure")).text
    assert "they judge a run of the notebook: bpd_is_low, there_is_a_figure." in text
    assert "Not audited" not in Page(page_of(FIT)).text


def test_names_stay_text_and_the_page_loads_nothing() -> None:
    page = Page(page_of(UNFIT))
    assert page.tags["script"] == page.tags["img"] == 0
    assert XSS.strip() in page.text
    assert page.headings == [1, 2, 2, 2, 2]
    assert all(value.startswith(("#", "data:")) for value in page.values("href"))
    assert any("default-src 'none'" in value for value in page.values("content"))


def test_a_page_of_an_audit_needs_no_torch() -> None:
    code = "import sys, reports.audit; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
