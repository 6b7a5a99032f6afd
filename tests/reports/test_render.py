from __future__ import annotations

import base64
import hashlib
import json
import os
import subprocess
import sys
import time
from collections import Counter
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import jinja2
import pytest

import reports
from grader.results import SubmissionResult
from grader.submission import slug
from reports import cohort
from reports.html import environment
from reports.render import class_page, roster_pages
from reports.sheets import searched
from reports.students import student_page
from tests.reports import sample
from tests.reports.sample import ASSIGNMENT, CATALOGUE, XSS

VOID = {"meta", "link", "img", "input"}


class Page(HTMLParser):
    """What a browser would make of a page: elements, attributes, scripts, headings."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: Counter[str] = Counter()
        self.attributes: list[tuple[str, str, str]] = []
        self.headings: list[int] = []
        self.scripts: list[str] = []
        self.text = ""
        self._open: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag not in VOID:
            self._open.append(tag)
        if tag in {"h1", "h2", "h3", "h4"}:
            self.headings.append(int(tag[1]))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self._open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag, f"</{tag}> closes nothing"

    def handle_data(self, data: str) -> None:
        self.text += data
        if self._open and self._open[-1] == "script":
            self.scripts.append(data)

    def values(self, name: str) -> list[str]:
        return [value for _, attribute, value in self.attributes if attribute == name]


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report")
    notebooks = sample.write_notebooks(folder / "notebooks")
    index = reports.render(sample.results(), ASSIGNMENT, folder, notebooks, CATALOGUE)
    assert index == folder / "index.html"
    return folder


@pytest.fixture(scope="module")
def pages(out: Path) -> dict[str, Page]:
    paths = [out / "index.html", *(out / "students").iterdir()]
    return {path.stem: Page(path.read_text("utf-8")) for path in paths}


def hostile(pages: dict[str, Page]) -> Page:
    return pages[slug("../../" + XSS)]


def test_there_is_a_page_per_student_and_nothing_outside(out: Path) -> None:
    assert len(list((out / "students").iterdir())) == 30
    assert sorted(path.name for path in out.iterdir()) == [
        "index.html",
        "notebooks",
        "pairs",
        "students",
    ]


def test_no_script_but_our_own_on_the_class_page(pages: dict[str, Page]) -> None:
    for name, page in pages.items():
        assert page.tags["script"] == (1 if name == "index" else 0)


def test_no_page_carries_an_event_handler_or_an_active_address(pages: dict[str, Page]) -> None:
    for page in pages.values():
        for tag, name, value in page.attributes:
            assert not name.startswith("on"), (tag, name)
            if name in {"href", "src", "action", "formaction", "xlink:href", "data"}:
                local = value.startswith(("#", "students/"))
                assert local or value.startswith("data:image/png;base64,") or value == "data:,"


def test_no_page_holds_a_foreign_element(pages: dict[str, Page]) -> None:
    for page in pages.values():
        foreign = {"iframe", "object", "embed", "base", "foreignobject", "audio", "video"}
        in_math = {
            "annotation-xml",
            "maction",
            "mglyph",
            "semantics",
        }  # elements that lead out of it
        assert not (foreign | in_math) & set(page.tags)
        assert page.tags["link"] == 1
        assert page.tags["style"] == 1


def test_hostile_text_is_shown_as_text(pages: dict[str, Page]) -> None:
    page = hostile(pages)
    assert "<script>alert(2)</script>" in page.text
    assert "‹U+202E›" in page.text
    assert "\u202e" not in page.text
    assert "\x1b" not in page.text
    assert "\x00" not in page.text
    assert "HTML output not shown" in page.text
    assert "PNG image not shown" in page.text
    assert "further characters not shown" in page.text


def test_the_policy_admits_images_in_the_page_and_nothing_else(pages: dict[str, Page]) -> None:
    for name, page in pages.items():
        (policy,) = [value for value in page.values("content") if "default-src" in value]
        rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
        assert rules.pop("script-src", None) == (
            _hash(page.scripts[0]) if name == "index" else None
        )
        assert rules == {
            "default-src": "'none'",
            "img-src": "data:",
            "style-src": "'unsafe-inline'",
            "base-uri": "'none'",
            "form-action": "'none'",
        }


def _hash(script: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"


def test_a_page_has_landmarks_and_headings_in_order(pages: dict[str, Page]) -> None:
    for page in pages.values():
        assert page.tags["main"] == 1
        assert page.headings[0] == 1
        assert page.headings.count(1) == 1
        steps = zip(page.headings, page.headings[1:], strict=False)
        assert all(after <= before + 1 for before, after in steps)


def test_ids_are_unique_and_links_in_a_page_lead_somewhere(pages: dict[str, Page]) -> None:
    for page in pages.values():
        ids = page.values("id")
        assert len(ids) == len(set(ids))
        assert {value[1:] for value in page.values("href") if value.startswith("#")} <= set(ids)


def test_every_picture_is_described(pages: dict[str, Page]) -> None:
    page = pages["4400"]
    assert page.tags["img"] == 1
    assert page.values("alt") == ["Figure 1 of Samples during training"]


def test_a_student_page_says_nothing_of_others(pages: dict[str, Page]) -> None:
    assert "Petra" not in pages["4400"].text
    assert not any("index" in value for value in pages["4400"].values("href"))


def test_each_link_of_the_class_page_leads_to_a_file(out: Path, pages: dict[str, Page]) -> None:
    links = {value for value in pages["index"].values("href") if value.startswith("students/")}
    assert len(links) == 30
    assert all((out / link).is_file() for link in links)


def test_the_verdict_is_a_word_an_icon_and_a_colour(out: Path) -> None:
    html = (out / "students" / "4400.html").read_text("utf-8")
    assert '<span class="verdict fair"><svg class="icon"' in html
    assert '#i-half"/></svg>Partly right</span>' in html


def test_an_unknown_name_in_a_template_is_an_error() -> None:
    with pytest.raises(jinja2.UndefinedError):
        environment().from_string("{{ page.absent }}").render(page={})


def test_templates_escape_without_being_asked() -> None:
    assert "<" not in environment().from_string("{{ name }}").render(name=XSS)


def test_a_result_cannot_lead_to_a_notebook_outside_the_folder(tmp_path: Path) -> None:
    secret = '{"cells": [{"cell_type": "code", "source": "def KLD(): secret"}]}'
    (tmp_path / "secret.ipynb").write_text(secret)
    (tmp_path / "notebooks").mkdir()
    result = replace(sample.student(0, "Lin", ""), executed="../secret.ipynb")
    page = student_page(environment(), result, ASSIGNMENT, tmp_path / "notebooks", CATALOGUE)
    assert "secret" not in page


def ten_thousand() -> list[SubmissionResult]:
    faults = ["half", "log-var", "", "marked", "blurred noise", "nats"]
    six = [sample.student(i, "Lin Okafor", fault) for i, fault in enumerate(faults)]
    return [replace(six[i % 6], student_id=f"student-{i}") for i in range(10_000)]


def test_no_page_of_ten_thousand_students_is_large() -> None:
    results = ten_thousand()
    slugs = {result.student_id: result.student_id for result in results}
    begun = time.process_time()
    page = cohort.page(results, slugs, ASSIGNMENT, CATALOGUE)
    index = class_page(environment(), page)
    further = dict(roster_pages(environment(), page))
    assert time.process_time() - begun < 10
    assert sorted(map(int, further)) == list(range(2, 11))
    assert max(map(len, [index, *further.values()])) < 2_000_000
    # All of them are found on the first page, each stands on one.
    assert index.count('"students/student-') + index.count('href="students/student-') >= 10_000
    assert 'href="../students/student-9999.html"' in further["10"]
    assert 'href="more/10.html"' in index


def test_what_is_searched_holds_no_markup() -> None:
    hostile = replace(sample.student(0, XSS, ""), name="</script><script>alert(1)</script>\u2028&")
    rows = [replace(hostile, student_id=f"s{i}") for i in range(1001)]
    page = cohort.page(rows, {r.student_id: r.student_id for r in rows}, ASSIGNMENT, {})
    text = searched(page.rows)
    assert not {"<", ">", "&", "\u2028"} & set(text)
    ((name, *_),) = json.loads(text)
    assert name.startswith("</script>")


def test_only_pages_whose_inputs_have_changed_are_written_again(tmp_path: Path) -> None:
    notebooks = sample.write_notebooks(tmp_path / "notebooks")
    results = sample.results()[:4]

    def written() -> set[str]:
        places = [*(tmp_path / "report/students").glob("*"), *(tmp_path / "feedback").glob("*")]
        for path in places:
            os.utime(path, ns=(1, 1))
        reports.render(results, ASSIGNMENT, tmp_path / "report", notebooks, CATALOGUE)
        reports.render_feedback(results, ASSIGNMENT, tmp_path / "feedback", notebooks, CATALOGUE)
        every = [*(tmp_path / "report/students").glob("*"), *(tmp_path / "feedback").glob("*")]
        return {f"{path.parent.name}/{path.stem}" for path in every if path.stat().st_mtime_ns != 1}

    assert len(written()) == 8
    assert written() == set()
    first = slug(results[0].student_id)
    results[0] = replace(results[0], name="Another Name")
    assert written() == {f"students/{first}", f"feedback/{first}"}
    second = results[1].executed
    (notebooks / second).write_text((notebooks / second).read_text("utf-8") + "\n", "utf-8")
    assert written() == {
        f"{place}/{slug(results[1].student_id)}" for place in ("students", "feedback")
    }
    (tmp_path / f"report/students/{first}.html").unlink()
    assert written() == {f"students/{first}"}
    (tmp_path / ".feedback.sqlite").write_text("no database at all" * 100)
    assert len(written()) == 4


def test_reports_load_neither_torch_nor_nbclient() -> None:
    program = "import sys, reports; print({'torch', 'nbclient'} & set(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "set()"
