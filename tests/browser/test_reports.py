"""Both pages in Chromium: wide and narrow, light and dark, with and without script."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.support.select import Select

pytestmark = pytest.mark.browser

PAGES = ["index.html", "students/4400.html", "students/4485.html", "hostile"]


def path_of(pages: Path, page: str) -> Path:
    if page != "hostile":
        return pages / page
    (found,) = [path for path in (pages / "students").iterdir() if not path.stem.isdigit()]
    return found


def resize(browser: webdriver.Chrome, width: int, height: int = 900) -> None:
    metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)


def show(
    browser: webdriver.Chrome,
    path: Path,
    *,
    width: int = 1280,
    scheme: str = "light",
    media: str = "screen",
    script: bool = True,
) -> None:
    browser.get_log("browser")
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": media, "features": features})
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": not script})
    resize(browser, width)
    browser.get(path.as_uri())


def photograph(browser: webdriver.Chrome, path: Path, width: int) -> None:
    """The whole page: rows below the fold are laid out only once they are in the viewport."""
    for _ in range(2):
        height = browser.execute_script("return document.scrollingElement.scrollHeight")
        resize(browser, width, height)
    shot = browser.execute_cdp_cmd("Page.captureScreenshot", {"format": "png"})
    path.write_bytes(base64.b64decode(shot["data"]))


def shown_rows(browser: webdriver.Chrome) -> list[list[str]]:
    return browser.execute_script(
        "return Array.from(document.querySelectorAll('#rows tr:not([hidden])'),"
        " (row) => Array.from(row.cells, (cell) => cell.textContent))"
    )


def header(browser: webdriver.Chrome, column: int) -> tuple[str | None, object]:
    cell = browser.find_elements(By.CSS_SELECTOR, ".students th")[column]
    return cell.get_attribute("aria-sort"), cell.find_element(By.TAG_NAME, "button")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("page", PAGES)
def test_a_page_fits_its_width_and_reports_no_error(
    browser: webdriver.Chrome, pages: Path, screenshots: Path, page: str, width: int, scheme: str
) -> None:
    show(browser, path_of(pages, page), width=width, scheme=scheme)
    photograph(browser, screenshots / f"{Path(page).stem}-{width}-{scheme}.png", width)
    scroll_width, inner_width = browser.execute_script(
        "return [document.scrollingElement.scrollWidth, window.innerWidth]"
    )
    assert inner_width == width
    assert scroll_width <= width
    assert browser.get_log("browser") == []


def test_dark_pages_are_dark_and_printed_pages_are_white(
    browser: webdriver.Chrome, pages: Path, screenshots: Path
) -> None:
    background = "return getComputedStyle(document.body).backgroundColor"
    show(browser, pages / "students/4400.html", scheme="dark")
    assert browser.execute_script(background) == "rgb(19, 20, 22)"
    show(browser, pages / "students/4400.html", scheme="dark", media="print", width=794)
    photograph(browser, screenshots / "4400-print.png", 794)
    assert browser.execute_script(background) == "rgb(255, 255, 255)"


def test_the_table_sorts_by_score_both_ways(browser: webdriver.Chrome, pages: Path) -> None:
    show(browser, pages / "index.html")
    for direction in ("ascending", "descending"):
        header(browser, 2)[1].click()
        scores = [-1.0 if row[2] == "–" else float(row[2]) for row in shown_rows(browser)]
        assert header(browser, 2)[0] == direction
        assert scores == sorted(scores, reverse=direction == "descending")
        assert len(set(scores)) > 5
    header(browser, 0)[1].click()
    assert header(browser, 2)[0] == "none"
    assert header(browser, 0)[0] == "ascending"
    names = [row[0] for row in shown_rows(browser)]
    assert names.index("Ada Byron 4485") < names.index("Émilie du Châtelet 4519")
    assert names.index("Émilie du Châtelet 4519") < names.index("Finn O’Brien 4876")


def test_search_and_filter_narrow_the_table(browser: webdriver.Chrome, pages: Path) -> None:
    show(browser, pages / "index.html")
    browser.find_element(By.ID, "search").send_keys("okafor")
    assert [row[0] for row in shown_rows(browser)] == ["Lin Okafor 4400"]
    assert browser.find_element(By.ID, "found").text == "1 of 30"
    browser.find_element(By.ID, "search").clear()
    browser.find_element(By.ID, "search").send_keys(" ")
    Select(browser.find_element(By.ID, "filter")).select_by_value("rerun")
    assert [row[0] for row in shown_rows(browser)] == ["Ngozi Adichie 4604", "Omar Haddad 4774"]


def test_the_class_page_is_readable_without_script(browser: webdriver.Chrome, pages: Path) -> None:
    show(browser, pages / "index.html", script=False)
    text = browser.find_element(By.TAG_NAME, "body").text
    assert "30 hand-ins, 27 graded" in text
    assert "Lin Okafor" in text
    assert not browser.find_element(By.ID, "search").is_displayed()
    assert browser.find_elements(By.CSS_SELECTOR, ".students button") == []


def test_the_keyboard_reaches_the_content_first(browser: webdriver.Chrome, pages: Path) -> None:
    show(browser, pages / "students/4400.html")
    browser.find_element(By.TAG_NAME, "body").send_keys("\ue004")
    focused = browser.switch_to.active_element
    assert focused.text == "Skip to the content"
    assert focused.location["x"] >= 0


def test_nothing_hostile_became_part_of_the_page(browser: webdriver.Chrome, pages: Path) -> None:
    show(browser, path_of(pages, "hostile"))
    assert browser.find_elements(By.CSS_SELECTOR, "script, img:not([src^='data:image/png'])") == []
    assert "<script>alert(2)</script>" in browser.find_element(By.TAG_NAME, "h1").text
