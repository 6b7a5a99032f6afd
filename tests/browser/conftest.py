"""A headless Chromium, and the sample class rendered once."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service

import reports
from tests.reports import sample

SWITCHES = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--hide-scrollbars",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--disable-dev-shm-usage",
)  # fmt: skip


def _program(*names: str) -> str:
    found = next((path for name in names if (path := shutil.which(name))), None)
    if found is None:
        pytest.skip(f"none of {', '.join(names)} is installed")
    return found


def started(profile: Path, *more: str, logs: Sequence[str] = ("browser",)) -> webdriver.Chrome:
    """A browser with a profile of its own; `more` are further switches."""
    options = Options()
    options.binary_location = _program("chromium", "chromium-browser", "google-chrome")
    for switch in (*SWITCHES, *more):
        options.add_argument(switch)
    options.add_argument(f"--user-data-dir={profile}")
    options.set_capability("goog:loggingPrefs", dict.fromkeys(logs, "ALL"))
    return webdriver.Chrome(options, Service(_program("chromedriver")))


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    driver = started(tmp_path_factory.mktemp("profile"))
    yield driver
    driver.quit()


@pytest.fixture
def second_browser(tmp_path: Path) -> Iterator[webdriver.Chrome]:
    """Another person's: it shares no cookies with the first."""
    driver = started(tmp_path / "profile")
    yield driver
    driver.quit()


@pytest.fixture(scope="session")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with the rendered class."""
    out = tmp_path_factory.mktemp("report")
    notebooks = sample.write_notebooks(out / "notebooks")
    reports.render(sample.results(), sample.ASSIGNMENT, out, notebooks, sample.CATALOGUE)
    return out


@pytest.fixture(scope="session")
def screenshots(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where pictures are left: `$GRADER_SCREENSHOTS`, or a temporary folder."""
    named = os.environ.get("GRADER_SCREENSHOTS")
    folder = Path(named) if named else tmp_path_factory.mktemp("screenshots")
    folder.mkdir(parents=True, exist_ok=True)
    return folder
