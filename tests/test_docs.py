"""The documentation: its links lead somewhere, its commands exist, its reference is of today."""

from __future__ import annotations

import importlib.util
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer

from grader.cli import app

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
MOST_BYTES = 3 << 20
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
# A line of a console, with or without its prompt, and code in the middle of a sentence.
COMMAND = re.compile(r"(?:^(?:\$ )?|`)(grader [a-z]+[^`\n]*)", re.MULTILINE)
CODE = re.compile(r"```.*?```|`[^`\n]*`", re.DOTALL)


def named(page: Path) -> str:
    return str(page.relative_to(ROOT))


def anchors(page: Path) -> set[str]:
    """What a forge makes of headings, and what was named by hand."""
    text = page.read_text("utf-8")
    found = set(re.findall(r'<a id="([^"]+)">', text))
    for heading in re.findall(r"^#+ (.+)$", text, flags=re.MULTILINE):
        plain = re.sub(r"[^\w\- ]", "", heading.replace("`", "").lower())
        found.add(plain.strip().replace(" ", "-"))
    return found


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_link_leads_somewhere(page: Path) -> None:
    for target in LINK.findall(CODE.sub("", page.read_text("utf-8"))):
        if target.startswith("https://"):
            continue
        path, _, anchor = target.partition("#")
        there = (page.parent / path).resolve() if path else page
        assert there.exists(), target
        assert there.is_relative_to(ROOT), target
        assert not anchor or anchor in anchors(there), target


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_command_is_one_that_grader_has(page: Path) -> None:
    commands = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    for line in COMMAND.findall(page.read_text("utf-8")):
        _, name, *arguments = shlex.split(line, comments=True)
        known = {option for parameter in commands[name].params for option in parameter.opts}
        assert {word for word in arguments if word.startswith("--")} <= known, line


def test_every_page_is_reached_from_the_index() -> None:
    index = (ROOT / "docs" / "README.md").read_text("utf-8")
    for page in PAGES[1:]:
        assert page.name == "README.md" or f"]({page.name})" in index
    assert "](docs/README.md)" in PAGES[0].read_text("utf-8")


def test_pictures_are_small_and_shown() -> None:
    pictures = list((ROOT / "docs" / "images").glob("*.png"))
    assert sum(path.stat().st_size for path in pictures) < MOST_BYTES
    shown = {Path(link).name for link in linked()}
    assert {path.name for path in pictures} <= shown


def linked() -> Iterator[str]:
    for page in PAGES:
        yield from LINK.findall(page.read_text("utf-8"))


def test_the_reference_by_topic_is_of_today() -> None:
    path = ROOT / "docs" / "topics.py"
    spec = importlib.util.spec_from_file_location("topics", path)
    assert spec is not None
    assert spec.loader is not None
    topics = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(topics)
    written = topics.PAGE.read_text("utf-8")
    assert written == f"{topics.text()}\n", "an assignment has changed: python docs/topics.py"
