"""One attack as its folder has it: the hostile hand-in, and what must come of it."""

from __future__ import annotations

import importlib.util
import json
import tomllib
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from tests.slurm.nodes import missing

FOLDER = Path(__file__).parent
SHEETS = FOLDER / "sheets"
TIERS = ("warm", "bwrap")
# What a few rows need: in words, and whether this machine has it.
NEEDS = {
    "gpu": ("an NVIDIA GPU (/dev/nvidia0)", Path("/dev/nvidia0").exists()),
    "slurm": ("Slurm (munge, slurmctld, slurmd, slurm-client)", not missing()),
}
# Every notebook is this long, so that the scheduler, which begins with the longest, keeps to the
# order of names and hands out an attack and its neighbour together.
NOTEBOOK_BYTES = 1 << 16


@dataclass(frozen=True, slots=True)
class Attack:
    """A row of docs/security.md's list, with its expectation.

    Attributes:
        folder: `NN-name`, which is the hostile student's name too.
        what: one line.
        sheet: which of `sheets/` it hands in for.
        group: attacks of one group are handed in together, in one run.
        slow: not among those that run every time.
        tiers: that it is run in.
        needs: of `NEEDS`; a row that lacks one is skipped, and says so.
        status: any of these is right.
        score: lowest and highest that is right.
        verdicts: by question, those that are right.
        reason: what the result says, as a regular expression.
        present: must stand in the executed notebook: proof that the attack took place.
        absent: must stand neither there, nor in the result, nor in its page.
        not_on_page: must not stand in any page of the report.
        seconds: that the hostile submission may take at most.
    """

    folder: Path
    what: str
    sheet: str = "numbers"
    group: str = "quick"
    slow: bool = False
    tiers: tuple[str, ...] = TIERS
    needs: tuple[str, ...] = ()
    status: tuple[str, ...] = ("graded",)
    score: tuple[float, float] = (0.0, 0.0)
    verdicts: dict[str, list[str]] = field(default_factory=dict)
    reason: str = ""
    present: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()
    not_on_page: tuple[str, ...] = ()
    seconds: float = 60.0

    @property
    def name(self) -> str:
        """The folder's, and the student's."""
        return self.folder.name

    @property
    def lacks(self) -> str:
        """What it needs and this machine does not have, in words."""
        return " and ".join(NEEDS[need][0] for need in self.needs if not NEEDS[need][1])

    @property
    def drill(self) -> Path:
        """A program that is run instead of a hand-in, where the fleet is what is attacked."""
        return self.folder / "drill.py"

    def hand_in(self, course: Path) -> tuple[str, ...]:
        """Puts the hostile work among that of the class; gives the students that it is from."""
        make = self.folder / "make.py"
        if make.exists():
            write = partial(notebook, self.sheet)
            students: tuple[str, ...] | None = loaded(make).make(course, self.name, write)
            return students or (self.name,)
        cells = cells_of((self.folder / "attack.py").read_text("utf-8"), self.sheet)
        (course / f"{self.name}.ipynb").write_text(notebook(self.sheet, *cells), "utf-8")
        return (self.name,)


def attacks() -> list[Attack]:
    """All of them, by number."""
    return [read(path.parent) for path in sorted(FOLDER.glob("[0-9]*/expect.toml"))]


def read(folder: Path) -> Attack:
    """The expectation of one folder; an unknown key is an error."""
    given = tomllib.loads((folder / "expect.toml").read_text("utf-8"))
    lists = ("tiers", "needs", "status", "score", "present", "absent", "not_on_page")
    given |= {key: tuple(given[key]) for key in lists if key in given}
    return Attack(folder, **given)


def loaded(path: Path) -> Any:
    """A program beside an expectation, as a module.

    `make.py` has `make(course, student, notebook)`, which writes the hand-in into the class's
    folder and may give the ids of its students; `drill.py` has `drill(course)`.
    """
    spec = importlib.util.spec_from_file_location(f"attack_{path.parent.name}_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def cells_of(program: str, sheet: str) -> list[str]:
    """Cells are separated by `# %%`; `# %% right` stands for right answers to the sheet."""
    cells: list[str] = []
    for part in f" cell\n{program}".split("# %%"):
        title, _, source = part.partition("\n")
        if title.strip() == "right":
            cells.append((SHEETS / sheet / "right.py").read_text("utf-8"))
        if source.strip():
            cells.append(source.strip("\n"))
    return cells


def right(sheet: str) -> str:
    """A notebook with right answers, of a student who means no harm."""
    secret = "mine = 'THE-NEIGHBOURS-OWN-WORK'"
    return notebook(sheet, (SHEETS / sheet / "right.py").read_text("utf-8"), secret)


def notebook(sheet: str, *cells: str) -> str:
    """A notebook of these code cells, as text of one length."""
    made = {
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": {"grader": {"assignment": sheet}},
        "cells": [_cell(f"c{number}", source) for number, source in enumerate(cells)],
    }
    return json.dumps(made).ljust(NOTEBOOK_BYTES)


def _cell(name: str, source: str) -> dict[str, Any]:
    empty = {"metadata": {}, "outputs": [], "execution_count": None}
    return {"cell_type": "code", "id": name, "source": source, **empty}
