"""Every payload, handed in and graded, on every page: nothing runs and nothing leaves.

Pages are opened with their content security policy switched off, so that it is the escaping that
is tried; the policy is tried by itself, against payloads that were let in on purpose.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from markdown_it import MarkdownIt
from typer.testing import CliRunner

from grader.card import Card
from grader.cli import app
from grader.public import decide
from grader.sandbox import TIERS
from grader.selfcheck import public_sheet
from tests.browser import hostile
from tests.browser.listening import Watched, watching
from tests.browser.payloads import PAYLOADS
from tests.browser.test_review import reviewing
from tests.review.evening import address

pytestmark = [pytest.mark.browser, pytest.mark.sandbox]

# No policy keeps a page from sending its reader elsewhere; only escaping does.
ELSEWHERE = {payload.number for payload in PAYLOADS if "http-equiv=refresh" in payload.text}
_LET_IN = """
const inside = document.createRange().createContextualFragment(arguments[0]);
document.body.append(inside);
"""


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    with watching(tmp_path_factory.mktemp("profile")) as browser:
        yield browser


def graded(folder: Path, download: Path) -> Path:
    """What `grader run` makes of a download, in this process."""
    if problem := TIERS["bwrap"].problem():
        pytest.skip(problem)
    out = folder / "out"
    sheet = str(hostile.sheet(folder / "markup"))
    command = ["run", str(download), "--assignment", sheet, "--out", str(out)]
    done = CliRunner().invoke(app, [*command, "--isolation", "bwrap", "--jobs", "1"])
    assert done.exit_code == 0, (done.exception, done.output[-500:])
    assert "\x1b" not in done.output
    return out


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory, library: Path) -> Path:
    """A run of the download that holds every payload everywhere."""
    folder = tmp_path_factory.mktemp("hostile")
    return graded(folder, hostile.gradescope(folder / "download"))


def written(out: Path) -> list[Path]:
    """Every page that a run has written."""
    return sorted(out.glob("report/**/*.html")) + sorted(out.glob("feedback/**/*.html"))


def page_of_the_hand_in(out: Path) -> Path:
    return max((out / "report/students").iterdir(), key=lambda path: path.stat().st_size)


def shown(watched: Watched) -> str:
    text: str = watched.browser.execute_script("return document.body.textContent")
    return text


def numbers(text: str) -> set[int]:
    return {int(n) for n in re.findall(r"(?:rt\(|pwned\.example.)(\d+)", text)}


def test_every_payload_succeeds_where_nobody_takes_care(watched: Watched, tmp_path: Path) -> None:
    frames = (f'<iframe srcdoc="{html.escape(payload.careless)}">' for payload in PAYLOADS)
    page = tmp_path / "careless.html"
    page.write_text("</iframe>".join(["<!doctype html><meta charset=utf-8>", *frames]), "utf-8")
    watched.open(page.as_uri(), bypass_policy=False)
    every = {payload.number for payload in PAYLOADS}
    assert len(every) >= 40
    assert watched.fired(seconds=20, enough=len(every)) == every


def test_no_page_of_the_report_runs_or_sends_anything(watched: Watched, out: Path) -> None:
    own = page_of_the_hand_in(out)
    (pair,) = (out / "report/pairs").iterdir()
    every = {payload.number for payload in PAYLOADS}
    for page in (out / "report/index.html", own, out / "feedback" / own.name, pair):
        watched.open(page.as_uri(), bypass_policy=True)
        assert numbers(shown(watched)) == every, page
        assert watched.browser.find_elements("css selector", "main script, iframe, object") == []
    assert watched.fired(seconds=0.5) == set()


@pytest.mark.slow
def test_no_page_of_any_student_runs_or_sends_anything(watched: Watched, out: Path) -> None:
    for page in written(out):
        watched.open(page.as_uri(), bypass_policy=True)
        assert numbers(shown(watched)), page
    assert watched.fired(seconds=1) == set()


@pytest.mark.slow
@pytest.mark.parametrize("download", [hostile.canvas, hostile.moodle], ids=["canvas", "moodle"])
def test_no_name_of_a_file_runs_or_sends_anything(
    watched: Watched, tmp_path: Path, library: Path, download: Any
) -> None:
    out = graded(tmp_path, download(tmp_path / "download"))
    for page in written(out):
        watched.open(page.as_uri(), bypass_policy=True)
        assert numbers(shown(watched)), page
    assert watched.fired(seconds=1) == set()


def test_no_page_of_the_review_runs_or_sends_anything(watched: Watched, out: Path) -> None:
    rows = json.loads((out / "results.json").read_text("utf-8"))["submissions"]
    student, _ = [row["student_id"] for row in rows if row["status"] == "graded"]
    answers = [address(question, student) for question in ("prose", "double", "total")]
    everything = answers[0].replace("/questions/prose", "/notebooks")
    with reviewing(out) as (entrance,):
        watched.open(entrance, bypass_policy=True)
        for path in ("/questions/prose", *answers, everything):
            watched.open(entrance.partition("/enter")[0] + path, bypass_policy=True)
            assert numbers(shown(watched)), path
        assert numbers(shown(watched)) == {payload.number for payload in PAYLOADS}
        assert watched.fired(seconds=0.5) == set()
        require_policy(watched, entrance.partition("/enter")[0] + everything)


def require_policy(watched: Watched, page: str) -> None:
    """Opens a page as it is, lets payloads in, and sees that its policy stops them."""
    watched.open(page, bypass_policy=False)
    for payload in PAYLOADS:
        if payload.number not in ELSEWHERE:
            watched.browser.execute_script(_LET_IN, payload.careless)
    assert watched.fired(seconds=1) == set()


@pytest.mark.parametrize("kind", ["class", "student"])
def test_a_policy_would_stop_what_escaping_had_missed(
    watched: Watched, out: Path, kind: str
) -> None:
    page = {"class": out / "report/index.html", "student": page_of_the_hand_in(out)}[kind]
    require_policy(watched, page.as_uri())


def test_every_written_page_has_the_policy(out: Path) -> None:
    for page in written(out):
        head = page.read_text("utf-8").partition("</head>")[0]
        policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]+)"', head)
        assert policy is not None, page
        assert "default-src 'none'" in html.unescape(policy[1])
        assert head.index(policy[0]) < head.index("<title>")


@pytest.mark.slow
def test_a_card_in_a_notebook_runs_and_sends_nothing(watched: Watched, tmp_path: Path) -> None:
    def double(x: float) -> None:
        raise type(hostile.TEXTS[0], (Exception,), {})(hostile.TOGETHER)

    sheet = public_sheet(str(hostile.sheet(tmp_path / "markup")))
    namespace = {"double": double, "total": lambda values: hostile.TOGETHER}
    card = Card(tuple(decide(sheet, namespace)))
    page = tmp_path / "card.html"
    page.write_text(f"<!doctype html><meta charset=utf-8>{card._repr_html_()}", "utf-8")
    watched.open(page.as_uri(), bypass_policy=True)
    assert 1 in numbers(shown(watched))
    assert watched.fired(seconds=0.5) == set()


@pytest.mark.slow
def test_a_summary_in_markdown_runs_and_sends_nothing(
    watched: Watched, out: Path, tmp_path: Path
) -> None:
    summary, page = tmp_path / "summary.md", tmp_path / "summary.html"
    command = ["export", str(out), "--format", "github", "--out", str(summary)]
    assert CliRunner().invoke(app, command).exit_code == 0
    careless = MarkdownIt("commonmark", {"html": True}).enable("table")
    careless.validateLink = lambda url: True  # type: ignore[method-assign]
    page.write_text(careless.render(summary.read_text("utf-8")), "utf-8")
    watched.open(page.as_uri(), bypass_policy=True)
    assert len(numbers(shown(watched))) >= len(PAYLOADS) - 5
    assert watched.fired(seconds=0.5) == set()
