"""What only a browser can tell of the pages: do they fit, are formulas set, does copying work."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By

import reports
from grader.checks.verdict import Counterexample, Outcome, Shown, Verdict
from tests.browser.conftest import started
from tests.browser.test_reports import show
from tests.reports import sample, sample_alike

pytestmark = pytest.mark.browser

PAGES = ["report/index.html", "report/pairs/4400--4468.html", "feedback/4400.html"]


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    driver = started(tmp_path_factory.mktemp("profile"))
    yield driver
    driver.quit()


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return sample_alike.write(tmp_path_factory.mktemp("class"))


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("page", PAGES)
def test_an_unfolded_page_fits_its_width(
    browser: webdriver.Chrome, out: Path, page: str, width: int, scheme: str
) -> None:
    show(browser, out / page, width=width, scheme=scheme)
    browser.execute_script("document.querySelectorAll('details').forEach(d => d.open = true)")
    scroll_width = browser.execute_script("return document.scrollingElement.scrollWidth")
    assert scroll_width <= width
    assert browser.get_log("browser") == []


def test_formulas_are_set_by_the_browser_itself(browser: webdriver.Chrome, out: Path) -> None:
    show(browser, out / "feedback/4400.html")
    tall, low, place = browser.execute_script(
        "const [a, b] = ['math[display=block]', '.answer li math']"
        ".map(s => document.querySelector(s));"
        "return [a.getBoundingClientRect().height, b.getBoundingClientRect().height,"
        " a.namespaceURI]"
    )
    assert place == "http://www.w3.org/1998/Math/MathML"
    assert tall > 1.7 * low  # a sum with its limits, a fraction


def test_no_number_of_a_matrix_is_broken(browser: webdriver.Chrome, tmp_path: Path) -> None:
    wide = Shown(f"[{[0.142013] * 6}, {[-0.25] * 6}]", (2, 6), "float32")
    verdict = Verdict("kl", "one", Outcome.FAILED, 0, 3)
    verdict = replace(verdict, counterexample=Counterexample("KLD", {"mean": wide}))
    result = replace(sample.student(0, "Lin", ""), verdicts=(verdict,))
    reports.render_feedback([result], sample.ASSIGNMENT, tmp_path, tmp_path, {})
    show(browser, tmp_path / "4400.html", width=390)
    widths = browser.execute_script(
        "return Array.from(document.querySelectorAll('.example mn'),"
        " number => number.getBoundingClientRect().width / number.textContent.length)"
    )
    assert len(widths) == 12
    assert min(widths) > 6  # pixels for a character; of a broken number only the start is shown


def test_marked_lines_stand_under_each_other(browser: webdriver.Chrome, out: Path) -> None:
    show(browser, out / "report/pairs/4400--4468.html")
    tops = browser.execute_script(
        "return Array.from(document.querySelector('.side').querySelectorAll('.hll'),"
        " line => line.getBoundingClientRect().top)"
    )
    assert len(tops) > 10
    assert tops == sorted(set(tops))
    assert len(browser.find_elements(By.CSS_SELECTOR, ".side")) == 2


def test_a_draft_is_copied_by_its_button(browser: webdriver.Chrome, out: Path) -> None:
    show(browser, out / "report/index.html")
    browser.find_element(By.CSS_SELECTOR, ".all summary").click()
    button = browser.find_element(By.CSS_SELECTOR, ".all .copy")
    button.click()
    selected = browser.execute_script("return getSelection().toString()")
    assert selected.startswith("Some mistakes in this assignment were made by several of you")
    assert "KL to the unit Gaussian (6 of 27)" in selected
    assert browser.get_log("browser") == []


def test_mistakes_and_changes_unfold_without_script(browser: webdriver.Chrome, out: Path) -> None:
    show(browser, out / "report/index.html", script=False)
    for part in (".mistakes", ".regrades"):
        summary = browser.find_element(By.CSS_SELECTOR, f"{part} summary")
        opened = browser.find_element(By.CSS_SELECTOR, f"{part} .opened")
        assert not opened.is_displayed()
        summary.click()
        assert opened.is_displayed()
    assert browser.find_elements(By.CSS_SELECTOR, ".copy") == []
