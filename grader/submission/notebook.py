"""Reading a stranger's notebook: bounded, repaired where that is safe, refused in one sentence."""

from __future__ import annotations

import copy
from pathlib import Path

import nbformat

from grader.errors import SubmissionError
from grader.submission.bounded_json import parse
from grader.submission.files import read_bounded
from grader.submission.names import ID_CHARACTERS, printable, quoted
from grader.submission.repair import repaired

MAX_BYTES = 32 << 20


def read_notebook(path: Path, *, max_bytes: int = MAX_BYTES) -> nbformat.NotebookNode:
    """A valid notebook of format 4, with an id for every cell.

    Missing and duplicate ids are replaced. Older formats are upgraded, and
    `metadata.orig_nbformat` says from which. NaN in an output becomes null, since Jupyter itself
    writes it there. Outputs and metadata that break the format are left out.

    Args:
        path: the file; a link is not followed.
        max_bytes: larger files are refused unread.

    Raises:
        SubmissionError: it cannot be read; the message says why and what to do.
    """
    content = read_bounded(path, max_bytes)
    try:
        return repaired(parse(content))
    except SubmissionError as fault:
        raise SubmissionError(f"{quoted(path.name)} {fault}") from fault


def assignment_of(notebook: nbformat.NotebookNode) -> str | None:
    """The assignment that the notebook was handed out for, from `metadata.grader.assignment`."""
    ours = notebook.metadata.get("grader")
    name = ours.get("assignment") if isinstance(ours, dict) else None
    if isinstance(name, str) and name and name == printable(name, ID_CHARACTERS):
        return name
    return None


def strip_outputs(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """A copy without what earlier runs printed, drew and counted."""
    kept = [
        {**cell, "outputs": [], "execution_count": None} if cell.cell_type == "code" else cell
        for cell in notebook.cells
    ]
    metadata = {key: value for key, value in notebook.metadata.items() if key != "widgets"}
    return nbformat.from_dict(copy.deepcopy({**notebook, "cells": kept, "metadata": metadata}))
