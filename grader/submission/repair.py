"""Making a valid notebook of format 4 from what students' tools really write."""

from __future__ import annotations

import itertools
import math
import re
import warnings
from typing import Any

import nbformat
from nbformat.validator import get_validator

from grader.errors import SubmissionError
from grader.submission.bounded_json import values
from grader.submission.names import printable

MAX_CELLS = 10_000
# The upgrade of older formats explains every error it meets, some in quadratic time.
MAX_OLD_CONTAINERS = 5_000
_CELL_TYPES = ("code", "markdown", "raw")
_CELL_ID = re.compile(r"[a-zA-Z0-9_-]{1,64}")
# What grading needs of the metadata when the rest of it breaks the format.
_KEPT_METADATA = frozenset({"grader", "nbgrader", "orig_nbformat"})


def repaired(document: Any) -> nbformat.NotebookNode:
    """A valid notebook from parsed JSON.

    Raises:
        SubmissionError: it is not a notebook; the sentence lacks its subject.
    """
    current = _upgraded(_require_notebook(document))
    cells = current.get("cells")
    if not isinstance(cells, list):
        raise SubmissionError("is not a notebook: it holds no list of cells.")
    if len(cells) > MAX_CELLS:
        raise SubmissionError(f"has {len(cells)} cells, more than the {MAX_CELLS} that are read.")
    notebook: dict[str, Any] = {
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": _mapping(current.get("metadata")),
        "cells": [_cell(cell, number) for number, cell in enumerate(cells, start=1)],
    }
    _make_ids_unique(notebook["cells"])
    _require_finite(notebook)
    return _valid(notebook)


def _require_notebook(document: Any) -> dict[str, Any]:
    if not isinstance(document, dict):
        raise SubmissionError("is not a notebook: its JSON is no object with cells.")
    major = document.get("nbformat")
    if type(major) is not int or major < 1:
        raise SubmissionError("is not a notebook: it names no notebook format (nbformat).")
    if major > 4:
        raise SubmissionError(
            f"is in notebook format {major}; save it in format 4, which Jupyter writes."
        )
    return document


def _upgraded(document: dict[str, Any]) -> dict[str, Any]:
    major = document["nbformat"]
    if major == 4:
        return document
    containers = sum(isinstance(value, dict | list) for value, _ in values(document))
    if containers > MAX_OLD_CONTAINERS:
        raise SubmissionError(
            f"is in notebook format {major} and holds {containers} lists and objects, more than "
            f"the {MAX_OLD_CONTAINERS} that are upgraded; open it in Jupyter and save it again."
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            upgraded: dict[str, Any] = nbformat.convert(
                nbformat.versions[major].to_notebook_json(document), 4
            )
    except Exception as error:  # the upgrade raises whatever a document provokes
        raise SubmissionError(
            f"is in notebook format {major} and could not be upgraded; open it in Jupyter and "
            "save it again."
        ) from error
    cells = upgraded.get("cells")
    for cell in cells if isinstance(cells, list) else []:
        cell.pop("id", None)  # drawn at random by the upgrade; ours are the same every time
    upgraded["metadata"] = {**_mapping(upgraded.get("metadata")), "orig_nbformat": major}
    return upgraded


def _cell(cell: Any, number: int) -> dict[str, Any]:
    kind = cell.get("cell_type") if isinstance(cell, dict) else None
    if kind not in _CELL_TYPES:
        raise SubmissionError(
            f"has a cell of unknown type (cell {number}: {printable(repr(kind), 40)}); "
            "save it again in Jupyter."
        )
    kept = {
        "cell_type": kind,
        "id": cell.get("id"),
        "metadata": _mapping(cell.get("metadata")),
        "source": _text(cell.get("source"), number),
    }
    if kind == "code":
        count = cell.get("execution_count")
        outputs = cell.get("outputs")
        kept["execution_count"] = count if type(count) is int and count >= 0 else None
        kept["outputs"] = _outputs(outputs) if isinstance(outputs, list) else []
    elif isinstance(cell.get("attachments"), dict):
        files = cell["attachments"].items()
        kept["attachments"] = {name: _bundle(contents) for name, contents in files}
    return kept


def _outputs(outputs: list[Any]) -> list[Any]:
    joined = []
    for output in _without_nan(outputs):
        if isinstance(output, dict):
            for key, join in (("text", _joined), ("data", _bundle)):
                if key in output:
                    output[key] = join(output[key])
        joined.append(output)
    return joined


def _bundle(contents: Any) -> Any:
    """Contents by media type, their lines joined where they are text and not JSON."""
    if not isinstance(contents, dict):
        return contents
    return {
        media: content if media.endswith("json") else _joined(content)
        for media, content in contents.items()
    }


def _joined(lines: Any) -> Any:
    if isinstance(lines, list) and all(isinstance(line, str) for line in lines):
        return "".join(lines)
    return lines


def _text(source: Any, number: int) -> str:
    text = "" if source is None else _joined(source)
    if not isinstance(text, str):
        raise SubmissionError(
            f"has a cell whose source is no text (cell {number}); save it again in Jupyter."
        )
    return text


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _make_ids_unique(cells: list[dict[str, Any]]) -> None:
    given = {cell["id"] for cell in cells if _is_id(cell["id"])}
    seen: set[str] = set()
    for number, cell in enumerate(cells, start=1):
        if not _is_id(cell["id"]) or cell["id"] in seen:
            cell["id"] = _free_id(number, given)
            given.add(cell["id"])
        seen.add(cell["id"])


def _is_id(value: Any) -> bool:
    return isinstance(value, str) and _CELL_ID.fullmatch(value) is not None


def _free_id(number: int, given: set[str]) -> str:
    longer = (f"cell-{number}-{extra}" for extra in itertools.count(2))
    names = itertools.chain([f"cell-{number}"], longer)
    return next(name for name in names if name not in given)


def _without_nan(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nan(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_without_nan(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _require_finite(notebook: dict[str, Any]) -> None:
    for value, _ in values(notebook):
        if isinstance(value, float) and not math.isfinite(value):
            raise SubmissionError(
                f"holds {value} outside its outputs, which is no JSON; save it again in Jupyter."
            )


def _valid(notebook: dict[str, Any]) -> nbformat.NotebookNode:
    # Not nbformat.validate: it explains every error of a failing notebook, 1 ms each.
    validator = get_validator(4, 5)
    for attempt in (notebook, _bare(notebook)):
        node = nbformat.from_dict(attempt)
        try:
            validator.validate(node)
        except nbformat.ValidationError as error:
            fault = error
        else:
            return node
    reason = printable(fault.message, 120)
    raise SubmissionError(f"is not a valid notebook ({reason}); save it again in Jupyter.")


def _bare(notebook: dict[str, Any]) -> dict[str, Any]:
    """The notebook without outputs, attachments, and metadata that grading does not need."""
    cells = []
    for cell in notebook["cells"]:
        kept = {key: value for key, value in cell.items() if key != "attachments"}
        kept["metadata"] = _needed(cell["metadata"])
        if cell["cell_type"] == "code":
            kept["outputs"] = []
        cells.append(kept)
    return {**notebook, "metadata": _needed(notebook["metadata"]), "cells": cells}


def _needed(metadata: dict[str, Any]) -> dict[str, Any]:
    needed = {key: value for key, value in metadata.items() if key in _KEPT_METADATA}
    tags = metadata.get("tags")
    if isinstance(tags, list):
        texts = [tag for tag in tags if isinstance(tag, str) and re.fullmatch(r"[^,]+", tag)]
        needed["tags"] = sorted(set(texts))
    return needed
