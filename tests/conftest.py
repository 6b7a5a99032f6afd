"""An assignment of two questions whose notebooks need no torch, and hand-ins for it."""

from __future__ import annotations

import json
import multiprocessing
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings

from grader import batch
from grader.assignment import load
from grader.batch import Options, Outcome, run_batch
from grader.kernel.library import stage_library
from grader.settings import Settings
from tests.batches import Recorded, Run

# No test fails for what the clock says, which on a busy machine is anything.
hypothesis_settings.register_profile(
    "grader", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
hypothesis_settings.load_profile("grader")

# Folders whose tests take longest come first: what begins last is waited for.
_LONGEST = ("slurm", "attacks", "browser", "kernel", "schedule")

TOML = """
title = "Sums"

[limits]
cell_seconds = 20
total_seconds = 40
call_seconds = 20

[[question]]
id = "one"
title = "One"
points = 1
function = { name = "one" }

[[question]]
id = "two"
title = "Two"
points = 2
function = { name = "two" }
"""

CHECKS = '''
from grader.checks import Subject, check, expect_close


@check("one", points=1)
def one_is_one(subject: Subject) -> None:
    """One is one."""
    expect_close(subject.call("one"), 1.0)


@check("two", points=2)
def two_is_two(subject: Subject) -> None:
    """Two is two."""
    expect_close(subject.call("two"), 2.0)
'''

RIGHT = "def one():\n    return 1.0\n\ndef two():\n    return 2.0"
HALF = "def one():\n    return 1.0\n\ndef two():\n    return 3.0"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Has workers begin with the longest files."""
    here = Path(__file__).parent
    places = {name: place for place, name in enumerate(_LONGEST)}
    items.sort(key=lambda item: places.get(item.path.relative_to(here).parts[0], len(places)))


def notebook(source: str, assignment: str | None) -> str:
    metadata = {} if assignment is None else {"grader": {"assignment": assignment}}
    cell = {
        "cell_type": "code",
        "id": "a",
        "metadata": {},
        "source": source,
        "outputs": [],
        "execution_count": None,
    }
    return json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": metadata, "cells": [cell]})


@pytest.fixture
def sums(tmp_path: Path) -> Path:
    """Folder of the assignment `sums`."""
    folder = tmp_path / "sums"
    folder.mkdir()
    (folder / "assignment.toml").write_text(TOML, "utf-8")
    (folder / "checks.py").write_text(CHECKS, "utf-8")
    return folder


@pytest.fixture
def hand_in(tmp_path: Path) -> Callable[..., Path]:
    """Writes `class/STUDENT/sums.ipynb`; gives the folder of the class."""

    def write(student: str, source: str = RIGHT, assignment: str | None = "sums") -> Path:
        folder = tmp_path / "class" / student
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "sums.ipynb").write_text(notebook(source, assignment), "utf-8")
        return folder.parent

    return write


@pytest.fixture
def course_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A course secret, and a home that is nobody's."""
    monkeypatch.setenv("GRADER_SECRET", "of the course")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a sandbox sees of grader, staged once."""
    # Workers and drivers are forked from one process that has imported what they need.
    modules = ["torch", "grader.schedule.worker", "grader.kernel.driver"]
    multiprocessing.get_context("forkserver").set_forkserver_preload(modules)
    return stage_library(tmp_path_factory.mktemp("library"))


@pytest.fixture
def settings(sums: Path, library: Path, tmp_path: Path, course_environment: None) -> Settings:
    """Of a run of `sums` without isolation: everything here is our own code."""
    notebooks = tmp_path / "notebooks"
    notebooks.mkdir()
    return Settings(load(sums), "none", library, notebooks, "digits", secret=b"of the course")


def alive_with(word: str) -> list[int]:
    """Processes whose command line holds a word."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            line = (folder / "cmdline").read_bytes()
        except OSError:
            continue
        if word.encode() in line and int(folder.name) != os.getpid():
            found.append(int(folder.name))
    return found


@pytest.fixture
def processes_with() -> Callable[[str], list[int]]:
    """Processes whose command line holds a word."""
    return alive_with


@pytest.fixture
def run(
    tmp_path: Path, library: Path, course_environment: None, monkeypatch: pytest.MonkeyPatch
) -> Run:
    """Runs a batch without isolation; everything handed in here is our own."""
    monkeypatch.setattr(batch, "stage_library", lambda _: library)

    def run_with(source: Path, **options: Any) -> tuple[Outcome, Recorded]:
        display = Recorded()
        given = {"out": tmp_path / "out", "isolation": "none", "jobs": 2} | options
        return run_batch(Options(source, **given), display), display

    return run_with
