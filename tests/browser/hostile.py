"""What hostile students hand in: every payload in everything that is theirs to choose."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from tests.browser.payloads import PAYLOADS

TEXTS = [payload.text for payload in PAYLOADS]
TOGETHER = "\n\n".join(TEXTS)
MIMES = (
    "text/html",
    "image/svg+xml",
    "text/markdown",
    "text/latex",
    "application/json",
    "application/javascript",
    "application/pdf",
    "application/vnd.jupyter.widget-view+json",
    "image/png",
    "text/plain",
)
_SHOWN_IN_A_CELL = 20  # of the 24 outputs that a page shows

TOML = """
title = "Markup"

[[question]]
id = "prose"
title = "Prose"
points = 1
rubric = "1 point: says why."

[[question]]
id = "double"
title = "Twice a number"
points = 1
function = { name = "double", arguments = ["x"] }

[[question]]
id = "total"
title = "A sum"
points = 2
function = { name = "total", arguments = ["values"] }
"""
CHECKS = '''
from grader.checks import Subject, check, expect_close


@check("double", points=1)
def twice_is_twice(subject: Subject) -> None:
    """The answer is twice the number."""
    expect_close(subject.call("double", x=0.5), 1.0, given={"x": 0.5})


@check("total", points=2)
def sums_are_sums(subject: Subject) -> None:
    """The answer is the sum of the numbers."""
    expect_close(subject.call("total", values=[1.0, 2.0]), 3.0, given={"values": [1.0, 2.0]})
'''
_RAISES = """
def double(x):
    raise type({name!r}, (Exception,), {{}})({message!r})
"""
_RETURNS = """
def total(values):
    return {answer!r}
"""
_SHOWS = """
from IPython.display import display
for text in {texts!r}:
    display(dict.fromkeys({mimes!r}, text) | {{text: text}}, raw=True, metadata={{text: text}})
"""
_PRINTS = """
import sys
print({text!r}, file=sys.{stream})
"""
_FAILS = "raise type({name!r}, (Exception,), {{}})({message!r})"


def sheet(folder: Path) -> Path:
    """Writes the assignment that is handed in for."""
    folder.mkdir()
    (folder / "assignment.toml").write_text(TOML, "utf-8")
    (folder / "checks.py").write_text(CHECKS, "utf-8")
    return folder


def gradescope(folder: Path) -> Path:
    """A download in which students have payloads for names; two have handed in the same work."""
    students = {
        f"submission_{number}": {
            ":submitters": [{":name": text, ":sid": text, ":email": f"{number}@uni.example"}]
        }
        for number, text in enumerate(TEXTS, 1)
    }
    for hand_in in (folder / "submission_1", folder / "submission_2"):
        hand_in.mkdir(parents=True)
        (hand_in / "work.ipynb").write_text(json.dumps(notebook()), "utf-8")
        for text in TEXTS:
            (hand_in / as_file_name(text)).write_text("x = 1", "utf-8")
    (folder / "submission_metadata.yml").write_text(yaml.safe_dump(students), "utf-8")
    return folder


def canvas(folder: Path) -> Path:
    """Files as Canvas names them after students and what students call their files."""
    folder.mkdir(parents=True)
    for number, text in enumerate(TEXTS, 1):
        name = as_file_name(text)
        (folder / f"{name}_{number}_{1000 + number}_{name}.ipynb").write_text("{", "utf-8")
    return folder


def moodle(folder: Path) -> Path:
    """Folders as Moodle names them after students."""
    for number, text in enumerate(TEXTS, 1):
        hand_in = folder / f"{as_file_name(text)}_{number}_assignsubmission_file"
        hand_in.mkdir(parents=True)
        (hand_in / f"{as_file_name(text)}.ipynb").write_text("{", "utf-8")
    return folder


def as_file_name(text: str) -> str:
    """A payload with what a file system refuses put into other words that a browser takes."""
    return text.replace("\x00", "").replace("</", "<\\").replace("/", "\N{FRACTION SLASH}")


def notebook() -> dict[str, Any]:
    """Payloads in prose, code, outputs, errors, metadata, attachments and ids of cells."""
    metadata = {text: text for text in TEXTS} | {"title": TOGETHER, "authors": [{"name": TOGETHER}]}
    return {
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": metadata | {"kernelspec": {"name": "python3", "display_name": TOGETHER}},
        "cells": list(_cells()),
    }


def _cells() -> Iterator[dict[str, Any]]:
    attached = {"attachments": {text: {"text/html": text} for text in TEXTS}}
    yield _cell("markdown", "prose", TOGETHER) | attached
    yield _cell("raw", "prose", TOGETHER)
    yield _code("double", _RAISES.format(name=TEXTS[0], message=TOGETHER))
    for first in range(0, len(TEXTS), _SHOWN_IN_A_CELL):
        texts = TEXTS[first : first + _SHOWN_IN_A_CELL]
        yield _code("double", _SHOWS.format(texts=texts, mimes=MIMES))
    yield _code("total", _RETURNS.format(answer=TOGETHER))
    for stream in ("stdout", "stderr"):
        yield _code("total", _PRINTS.format(text=TOGETHER, stream=stream))
    yield _code("total", _FAILS.format(name=TEXTS[0], message=TOGETHER))
    in_words = "\n".join(f"# {line}" for line in TOGETHER.replace("\x00", "").splitlines())
    yield _code("total", f"{in_words}\nx = {TOGETHER.replace(chr(0), '')!r}")


def _code(question: str, source: str) -> dict[str, Any]:
    return _cell("code", question, source) | {"outputs": [], "execution_count": None}


def _cell(kind: str, question: str, source: str) -> dict[str, Any]:
    metadata = {text: text for text in TEXTS} | {"name": TOGETHER, "tags": TEXTS}
    metadata["nbgrader"] = {"grade_id": f"{question}-{TEXTS[0]}"}
    return {"cell_type": kind, "id": TEXTS[0], "metadata": metadata, "source": source}
