"""Other graders on the same class, each in an environment of its own.

An environment is made once, in the user's cache folder, with the torch and numpy that grader has
here. What a tool has graded is read back, so that a run that decides nothing counts for nothing.
"""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
import time
import venv
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

import classroom
import nbformat

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "grader-bench"
NBGRADER, OTTER = "nbgrader==0.9.6", "otter-grader==7.0.0"
_ASSIGNMENT = "bench"


class Environment:
    """A virtual environment in the cache folder, made unless it is there.

    Args:
        tool: requirement of the tool.
        torch: requirement of torch, such as the Makefile's.
    """

    def __init__(self, tool: str, torch: str) -> None:
        self._folder = CACHE / tool.partition("==")[0].partition("-")[0]
        wanted = [torch, f"numpy=={version('numpy')}", "ipykernel", tool]
        marker = self._folder / "installed.json"
        if marker.exists() and json.loads(marker.read_text("utf-8")) == wanted:
            return
        print(f"installing {tool} into {self._folder}", file=sys.stderr)
        venv.create(self._folder, with_pip=True, clear=True, symlinks=True)
        pip = [str(self._folder / "bin/python"), "-m", "pip", "install", "--quiet"]
        # torch may be a requirement with options of pip's, as in the Makefile.
        for requirement in (torch.split(), wanted[1:]):
            subprocess.run([*pip, *requirement], check=True, stdout=sys.stderr)
        marker.write_text(json.dumps(wanted), "utf-8")

    def run(self, *command: str, folder: Path) -> float:
        """Seconds that a program of this environment takes.

        Raises:
            SystemExit: it fails.
        """
        programs = self._folder / "bin"
        environment = {**os.environ, "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}"}
        began = time.monotonic()
        ended = subprocess.run(
            [str(programs / command[0]), *command[1:]],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if ended.returncode != 0:
            raise SystemExit(f"{' '.join(command)} failed: {ended.stderr[-1000:]}")
        return time.monotonic() - began


class Nbgrader:
    """`nbgrader autograde` on the whole class."""

    def __init__(self, torch: str) -> None:
        self._environment = Environment(NBGRADER, torch)

    def grade(self, students: Sequence[int], folder: Path) -> tuple[float, dict[int, float]]:
        """Seconds for all of them, and their shares of the points."""
        source = folder / "source" / _ASSIGNMENT / "work.ipynb"
        classroom.write(classroom.for_nbgrader(), source)
        self._environment.run("nbgrader", "generate_assignment", _ASSIGNMENT, folder=folder)
        released = folder / "release" / _ASSIGNMENT / "work.ipynb"
        for student in students:
            handed_in = classroom.answered(nbformat.read(released, 4), student)
            place = folder / "submitted" / classroom.name(student) / _ASSIGNMENT / "work.ipynb"
            classroom.write(handed_in, place)
        seconds = self._environment.run("nbgrader", "autograde", _ASSIGNMENT, folder=folder)
        self._environment.run("nbgrader", "export", folder=folder)
        with (folder / "grades.csv").open(newline="", encoding="utf-8") as file:
            rows = {row["student_id"]: row for row in csv.DictReader(file)}
        return seconds, {student: _share(rows[classroom.name(student)]) for student in students}


class Otter:
    """`otter run` on each hand-in, one after the other: it takes one at a time."""

    def __init__(self, torch: str) -> None:
        self._environment = Environment(OTTER, torch)

    def grade(self, students: Sequence[int], folder: Path) -> tuple[float, dict[int, float]]:
        """Seconds for all of them, and their shares of the points."""
        classroom.write(classroom.for_otter(), folder / "work.ipynb")
        self._environment.run("otter", "assign", "work.ipynb", "made", folder=folder)
        (archive,) = (folder / "made/autograder").glob("*.zip")
        seconds, shares = 0.0, {}
        for student in students:
            released = nbformat.read(folder / "made/student/work.ipynb", 4)
            place = folder / classroom.name(student)
            handed_in = classroom.write(classroom.answered(released, student), place / "work.ipynb")
            command = ("otter", "run", str(handed_in), "-a", str(archive), "-o", str(place))
            seconds += self._environment.run(*command, "--no-logo", folder=folder)
            tests = json.loads((place / "results.json").read_text("utf-8"))["tests"]
            points = [test for test in tests if "max_score" in test]
            most = sum(test["max_score"] for test in points)
            shares[student] = sum(test["score"] for test in points) / most
        return seconds, shares


def _share(row: dict[str, str]) -> float:
    return float(row["raw_score"]) / float(row["max_score"])
