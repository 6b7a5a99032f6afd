"""A TA's evening in Chromium: marking by keyboard, overruling, and two markers at once."""

from __future__ import annotations

import csv
import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.wait import WebDriverWait
from typer.testing import CliRunner

from grader.cli import app
from grader.sandbox import TIERS
from tests.browser.test_reports import photograph, resize
from tests.review import evening, handed_in

pytestmark = pytest.mark.browser


@contextmanager
def reviewing(out: Path, *options: str) -> Iterator[list[str]]:
    """`grader review` as a person starts and stops it; gives the addresses it prints."""
    command = [sys.executable, "-m", "grader.cli", "review", str(out), *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        addresses = []
        while "Ctrl-C" not in (line := server.stdout.readline()):
            assert line, "the server ended before it told its addresses"
            addresses.append(line.split()[-1])
        try:
            yield addresses
        finally:
            server.send_signal(signal.SIGINT)
            assert "report" in server.stdout.read()
    assert server.returncode == 0


def prepare(browser: webdriver.Chrome, width: int, scheme: str) -> None:
    """Whatever another test has left the browser like."""
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "screen", "features": features})
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})
    browser.get_log("browser")
    resize(browser, width)


def keys(browser: webdriver.Chrome, *typed: str) -> None:
    """Types where the focus is, as a person does."""
    webdriver.ActionChains(browser).send_keys(*typed).perform()


def chord(browser: webdriver.Chrome, modifier: str, key: str) -> None:
    held = webdriver.ActionChains(browser).key_down(modifier)
    held.send_keys(key).key_up(modifier).perform()


def wait(browser: webdriver.Chrome) -> WebDriverWait[webdriver.Chrome]:
    """A form that was sent by a key is answered a while later."""
    return WebDriverWait(browser, 30, ignored_exceptions=[StaleElementReferenceException])


def heading(browser: webdriver.Chrome, text: str) -> None:
    """Waits for the page with this heading."""
    wait(browser).until(
        lambda driver: [h1.text for h1 in driver.find_elements(By.TAG_NAME, "h1")] == [text],
        f"no heading {text!r} came",
    )


def shown(browser: webdriver.Chrome, text: str) -> None:
    """Waits for the page that says this."""
    wait(browser).until(lambda driver: text in body(driver), f"nothing said {text!r}")


def follow(browser: webdriver.Chrome, link: str) -> None:
    """Clicks the first link with this text."""
    wait(browser).until(lambda driver: driver.find_elements(By.LINK_TEXT, link))[0].click()


def body(browser: webdriver.Chrome) -> str:
    return browser.find_element(By.TAG_NAME, "body").text


def value(browser: webdriver.Chrome, field: str) -> str | None:
    return browser.find_element(By.ID, field).get_attribute("value")


def open_answer(browser: webdriver.Chrome, question: str, student: str) -> None:
    """From the overview to one answer, by its links."""
    browser.get(browser.current_url.split("/questions")[0].rstrip("/") + "/")
    follow(browser, question)
    follow(browser, student)
    heading(browser, student)


ADA, LIN = "Ada Byron (s1001)", "Lin Okafor (s1002)"
OVERVIEW = "What is left to mark"


@pytest.mark.sandbox
def test_an_evening_of_marking(
    browser: webdriver.Chrome,
    second_browser: webdriver.Chrome,
    tmp_path: Path,
    course_environment: None,
) -> None:
    if problem := TIERS["bwrap"].problem():
        pytest.skip(problem)
    out = handed_in.graded(tmp_path)
    prepare(browser, 1280, "light")
    with reviewing(out, "--author", "Ann", "--author", "Bo") as (for_ann, for_bo):
        browser.get(for_ann)
        heading(browser, OVERVIEW)
        assert "enter" not in browser.current_url
        mark_three_questions(browser)
        overrule_the_kl(browser)
        second_browser.get(for_bo)
        two_at_once(browser, second_browser)
        exported_to_canvas(out, tmp_path / "canvas.csv")
        reload_everything(browser)
    written_at_the_end(out)


def mark_three_questions(browser: webdriver.Chrome) -> None:
    follow(browser, "Mark")
    heading(browser, ADA)
    assert evening.MC.replace("\n", " ") in body(browser)
    assert "names the variance of p(x | z)" in body(browser)
    keys(browser, "1.5", Keys.ENTER)
    heading(browser, LIN)
    keys(browser, "c", "Say how it grows.", Keys.ESCAPE, "1", Keys.ENTER)
    heading(browser, OVERVIEW)

    follow(browser, "Mark")
    heading(browser, ADA)
    (figure,) = browser.find_elements(By.CSS_SELECTOR, ".outputs img")
    assert figure.get_property("naturalWidth") == 512
    assert "<script>alert(1)</script>" in body(browser)
    keys(browser, "1", Keys.ENTER)
    heading(browser, LIN)
    keys(browser, "0", Keys.ENTER)
    heading(browser, OVERVIEW)

    follow(browser, "Mark")
    heading(browser, ADA)
    keys(browser, "c", "Which posterior?")
    chord(browser, Keys.CONTROL, Keys.ENTER)
    shown(browser, "Points are a number from 0 to 1.5.")
    assert value(browser, "comment") == "Which posterior?"
    keys(browser, "1,25", Keys.ENTER)
    heading(browser, LIN)
    keys(browser, "1.5")
    chord(browser, Keys.SHIFT, "1")
    assert value(browser, "comment") == "Which posterior?"
    keys(browser, Keys.ENTER)
    heading(browser, OVERVIEW)
    assert body(browser).count("2 of 2") == 3


def overrule_the_kl(browser: webdriver.Chrome) -> None:
    open_answer(browser, "KL to the unit Gaussian", LIN)
    assert "kl/missing-half" in body(browser)
    keys(browser, "3", Keys.ENTER)
    shown(browser, "Say why")
    keys(browser, "r", "The sheet had the factor wrong.", Keys.ENTER)
    shown(browser, "in force")
    assert "Reason: The sheet had the factor wrong." in body(browser)


def two_at_once(ann: webdriver.Chrome, bo: webdriver.Chrome) -> None:
    for browser in (ann, bo):
        open_answer(browser, "Why Monte Carlo is inefficient here", ADA)
    keys(ann, "2", Keys.ESCAPE, "r", "Both points are there.", Keys.ENTER)
    shown(ann, "in force\nReason: Both points are there.")
    keys(bo, "c", "Rare ones: how rare?", Keys.ESCAPE, "r", "No dimension.", Keys.ESCAPE, "1")
    keys(bo, Keys.ENTER)
    shown(bo, "Two marks at the same time")
    assert [value(bo, field) for field in ("points", "comment")] == ["1", "Rare ones: how rare?"]
    ann.refresh()
    for browser in (ann, bo):
        rivals = browser.find_element(By.CLASS_NAME, "rivals").text
        assert "Both points are there." in rivals
        assert "Rare ones: how rare?" in rivals
    ann.find_element(By.XPATH, "//button[text()='Take this one']").click()
    wait(ann).until(
        lambda driver: not driver.find_elements(By.CLASS_NAME, "rivals"), "still two marks"
    )


def exported_to_canvas(out: Path, table: Path) -> None:
    """While the review is open."""
    command = ["export", str(out), "--format", "canvas", "--out", str(table)]
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 0, done.output
    assert "wait for a person" not in done.output
    rows = list(csv.reader(table.read_text("utf-8").splitlines()))
    scores = {row[0]: row[-1] for row in rows[1:]}
    assert (scores["Ada Byron"], scores["Lin Okafor"]) == ("7.25", "6.5")


def reload_everything(browser: webdriver.Chrome) -> None:
    open_answer(browser, "KL to the unit Gaussian", LIN)
    browser.refresh()
    assert "in force" in body(browser)
    assert "kl/missing-half" in body(browser)
    open_answer(browser, "Why Monte Carlo is inefficient here", LIN)
    assert value(browser, "points") == "1"
    assert value(browser, "comment") == "Say how it grows."
    keys(browser, "h")
    heading(browser, OVERVIEW)
    assert body(browser).count("2 of 2") == 3
    assert "1 of 2 overruled" in body(browser)
    told = [entry["message"] for entry in browser.get_log("browser")]
    assert all("422" in message for message in told), told


def written_at_the_end(out: Path) -> None:
    rows = json.loads((out / "results.json").read_text("utf-8"))["submissions"]
    assert [row["score"] for row in rows] == [7.25, 6.5]
    assert "Lin Okafor,graded,6.5" in (out / "grades.csv").read_text("utf-8")
    page = (out / "report" / "students" / "s1002.html").read_text("utf-8")
    assert "Decided by Ann" in page
    assert "The sheet had the factor wrong." in page
    assert "What the checks had said; it no longer counts" in page


@pytest.fixture(scope="module")
def review(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[str]]:
    """A review half done, with two marks at once; an address for every way of looking."""
    out = evening.run_of(tmp_path_factory.mktemp("review"))
    evening.half_done(out)
    with reviewing(out, *["--author", "Ann"] * 4) as addresses:
        yield addresses


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_every_page_fits_its_width(
    browser: webdriver.Chrome, review: list[str], screenshots: Path, width: int, scheme: str
) -> None:
    prepare(browser, width, scheme)
    entrance = review.pop()
    browser.get(entrance)
    for name, path in evening.pages().items():
        browser.get(entrance.partition("/enter")[0] + path)
        photograph(browser, screenshots / f"review-{name}-{width}-{scheme}.png", width)
        assert browser.execute_script("return document.scrollingElement.scrollWidth") <= width
        resize(browser, width)
    assert browser.get_log("browser") == []
