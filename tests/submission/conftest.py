from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pytest

from grader.submission import Discovery, discover
from grader.submission.notebook import read_notebook

Write = Callable[..., Path]
MakeZip = Callable[..., Path]
Find = Callable[..., Discovery]
ReadBack = Callable[[Any], nbformat.NotebookNode]


def notebook_json(source: str = "x = 1", assignment: str | None = None) -> str:
    metadata = {} if assignment is None else {"grader": {"assignment": assignment}}
    cell = {
        "cell_type": "code",
        "id": "a",
        "metadata": {},
        "source": source,
        "outputs": [],
        "execution_count": None,
    }
    document = {"nbformat": 4, "nbformat_minor": 5, "metadata": metadata, "cells": [cell]}
    return json.dumps(document)


@pytest.fixture
def notebook_text() -> Callable[..., str]:
    """The JSON of a small notebook: source, and the assignment that it names."""
    return notebook_json


@pytest.fixture
def write() -> Callable[..., Path]:
    """Writes a file with its folders: a notebook by default; seconds sets its time of change."""

    def write_file(path: Path, content: str | None = None, *, seconds: int | None = None) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(notebook_json() if content is None else content, "utf-8")
        if seconds is not None:
            os.utime(path, (seconds, seconds))
        return path

    return write_file


@pytest.fixture
def find(tmp_path: Path) -> Find:
    """Who has handed in, below the test's own folder."""

    def run(name: str = "in") -> Discovery:
        return discover(tmp_path / name, unpack_to=tmp_path / "out")

    return run


def problems(discovery: Discovery) -> dict[str, str | None]:
    return {one.student_id: one.problem for one in discovery.submissions}


@pytest.fixture
def read_back(tmp_path: Path) -> ReadBack:
    """Writes JSON (or raw text or bytes) as vae.ipynb and reads it as a notebook."""

    def read(content: Any) -> nbformat.NotebookNode:
        path = tmp_path / "vae.ipynb"
        if not isinstance(content, str | bytes):
            content = json.dumps(content)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return read_notebook(path)

    return read


@pytest.fixture
def make_zip() -> Callable[[Path, dict[str, Any]], Path]:
    """A zip of names (or ZipInfo pairs) and contents."""

    def make(path: Path, members: dict[str, Any] | list[tuple[Any, Any]]) -> Path:
        pairs = members.items() if isinstance(members, dict) else members
        path.parent.mkdir(parents=True, exist_ok=True)
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in pairs:
                archive.writestr(name, content)
        return path

    return make
