"""The page of an audit in Chromium: only the matrix scrolls, its header and names stay."""

from __future__ import annotations

from pathlib import Path

import pytest
from selenium import webdriver

from tests.browser.test_reports import photograph, show
from tests.reports.sample_audit import FIT, UNFIT, page_of

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def audits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with both sample audits."""
    folder = tmp_path_factory.mktemp("audits")
    (folder / "fit.html").write_text(page_of(FIT, "bpd_is_low"), "utf-8")
    (folder / "unfit.html").write_text(page_of(UNFIT), "utf-8")
    return folder


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("page", ["fit", "unfit"])
def test_an_audit_fits_its_width_and_reports_no_error(
    browser: webdriver.Chrome, audits: Path, screenshots: Path, page: str, width: int, scheme: str
) -> None:
    show(browser, audits / f"{page}.html", width=width, scheme=scheme)
    assert browser.execute_script("return document.scrollingElement.scrollWidth") <= width
    assert browser.get_log("browser") == []
    photograph(browser, screenshots / f"audit-{page}-{width}-{scheme}.png", width)


def test_header_and_names_stay_while_the_matrix_scrolls(
    browser: webdriver.Chrome, audits: Path
) -> None:
    show(browser, audits / "unfit.html", width=390)
    offsets = (
        "const matrix = document.querySelector('.matrix'), box = matrix.getBoundingClientRect();"
        "const at = (s) => matrix.querySelector(s).getBoundingClientRect();"
        "return [at('thead th:nth-child(5)').top - box.top,"
        " at('tbody:last-of-type tr:last-child th').left - box.left, matrix.scrollLeft,"
        " matrix.scrollTop]"
    )
    header, name, *_ = browser.execute_script(offsets)
    browser.execute_script("document.querySelector('.matrix').scrollTo(200, 300)")
    assert browser.execute_script(offsets) == [header, name, 200, 300]


def test_a_printed_audit_shows_the_whole_matrix(
    browser: webdriver.Chrome, audits: Path, screenshots: Path
) -> None:
    show(browser, audits / "unfit.html", scheme="dark", media="print", width=794)
    hidden = (
        "const matrix = document.querySelector('.matrix');"
        "return matrix.scrollHeight - matrix.clientHeight"
    )
    assert browser.execute_script(hidden) <= 1
    background = "return getComputedStyle(document.body).backgroundColor"
    assert browser.execute_script(background) == "rgb(255, 255, 255)"
    photograph(browser, screenshots / "audit-print.png", 794)
