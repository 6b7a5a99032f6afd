"""The class page of more students than one table should hold."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.support.expected_conditions import url_to_be
from selenium.webdriver.support.ui import Select, WebDriverWait

from reports import cohort
from reports.html import environment
from reports.render import class_page, roster_pages
from tests.reports import sample

pytestmark = [pytest.mark.browser, pytest.mark.slow]

FAULTS = ("half", "log-var", "", "marked", "blurred noise", "nats")
MOST_SECONDS = 2.0
OPENED = "const t = performance.getEntriesByType('navigation')[0]; return t.loadEventEnd / 1000"
# The form is shown at the end of the page's script, once everything listens.
READY = (
    "return performance.getEntriesByType('navigation')[0].loadEventEnd > 0"
    " && !document.querySelector('.tools').hidden"
)
SHOWN = "return document.querySelectorAll('#rows tr').length"


def written(folder: Path, count: int) -> Path:
    """The class page of so many students, and the further pages of its table."""
    kinds = [sample.student(i, "Lin Okafor", fault) for i, fault in enumerate(FAULTS)]
    results = [
        replace(kinds[i % len(kinds)], student_id=f"student-{i}", name=f"Student <{i}>")
        for i in range(count)
    ]
    slugs = {result.student_id: result.student_id for result in results}
    page = cohort.page(results, slugs, sample.ASSIGNMENT, sample.CATALOGUE)
    (folder / "more").mkdir()
    for name, html in roster_pages(environment(), page):
        (folder / "more" / f"{name}.html").write_text(html, "utf-8")
    index = folder / "index.html"
    index.write_text(class_page(environment(), page), "utf-8")
    return index


@pytest.fixture
def show(browser: webdriver.Chrome) -> Callable[[Path], None]:
    def load(page: Path) -> None:
        browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})
        browser.get_log("browser")
        browser.get(page.as_uri())
        # On a loaded machine a click may come before what it is for.
        WebDriverWait(browser, 30).until(lambda driver: driver.execute_script(READY))

    return load


def names(browser: webdriver.Chrome) -> list[str]:
    return [each.text for each in browser.find_elements(By.CSS_SELECTOR, "#rows bdi")]


def test_who_stands_on_a_further_page_is_found_on_the_first(
    browser: webdriver.Chrome, show: Callable[[Path], None], tmp_path: Path
) -> None:
    show(written(tmp_path, 1_203))
    assert browser.execute_script(SHOWN) == 1_000
    search = browser.find_element(By.ID, "search")
    search.send_keys("<1202>")
    assert names(browser) == ["Student <1202>"]
    assert browser.find_element(By.ID, "found").text == "1 of 1203"
    link = browser.find_element(By.CSS_SELECTOR, "#rows a")
    assert link.get_attribute("href") == (tmp_path / "students/student-1202.html").as_uri()
    status = browser.find_elements(By.CSS_SELECTOR, "#rows td")[3]
    assert status.text == "Waits for a person"
    search.clear()
    search.send_keys(" ")
    found = browser.find_element(By.ID, "found")
    assert found.text == "1203 of 1203, the first 1000 shown"
    Select(browser.find_element(By.ID, "filter")).select_by_value("passed")
    assert found.text.endswith(" of 1203")
    assert browser.get_log("browser") == []


def test_sorting_goes_through_all_pages(
    browser: webdriver.Chrome, show: Callable[[Path], None], tmp_path: Path
) -> None:
    show(written(tmp_path, 1_203))
    header = browser.find_elements(By.CSS_SELECTOR, ".students th button")[0]
    header.click()
    header.click()
    assert names(browser)[0] == "Student <1202>"


def test_without_script_every_student_stands_on_a_page(
    browser: webdriver.Chrome, tmp_path: Path
) -> None:
    page = written(tmp_path, 1_203)
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    browser.get(page.as_uri())
    browser.find_element(By.CSS_SELECTOR, ".pages a").click()
    WebDriverWait(browser, 30).until(url_to_be((tmp_path / "more/2.html").as_uri()))
    assert len(names(browser)) == 203
    link = browser.find_element(By.CSS_SELECTOR, "#rows a")
    assert link.get_attribute("href") == (tmp_path / "students/student-1000.html").as_uri()
    browser.find_element(By.CSS_SELECTOR, ".pages a").click()
    WebDriverWait(browser, 30).until(url_to_be(page.as_uri()))


def test_ten_thousand_students_open_within_two_seconds(
    browser: webdriver.Chrome, show: Callable[[Path], None], tmp_path: Path
) -> None:
    page = written(tmp_path, 10_000)
    assert page.stat().st_size < 2_000_000
    show(page)
    seconds = browser.execute_script(OPENED)
    print(f"{page.stat().st_size / 2**20:.2f} MiB, open after {seconds:.2f} s")
    assert 0 < seconds < MOST_SECONDS
    browser.find_element(By.ID, "search").send_keys("<9999>")
    assert names(browser) == ["Student <9999>"]
