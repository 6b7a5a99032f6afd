"""Learning curves: taken from what a notebook keeps or logs, and held against what is expected.

A curve is a claim like any printed figure. What it ends in is measured again elsewhere.
"""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice, pairwise
from pathlib import PurePath
from typing import Any, Protocol

import numpy as np

from grader.checks.event_files import scalars
from grader.checks.failure import CheckFailure
from grader.checks.recording import evidence

MOST_POINTS = 2000
MOST_ROWS = 100_000
_MOST_EPOCHS = 1e9
# Of several series, the one on data that the model was not trained on.
_PREFERRED = ("test", "val")
_EPOCH = "epoch"

Series = dict[str, list[float]]


@dataclass(frozen=True, slots=True)
class Curve:
    """A figure by epoch.

    Attributes:
        epochs: 0 before any training.
        values: as claimed; NaN where the notebook has it.
        source: "history", or the name of the file.
    """

    epochs: tuple[int, ...]
    values: tuple[float, ...]
    source: str


class Expectations(Protocol):
    """What is read of a learning curve in `assignment.toml`."""

    @property
    def metric(self) -> str:
        """What is plotted."""

    @property
    def first_epoch(self) -> int:
        """Of the first value: 0 where the untrained model is among them."""

    @property
    def levels(self) -> int | None:
        """Of a pixel; a model that knows nothing needs their logarithm."""

    @property
    def near(self) -> float:
        """How far from that an untrained model may be."""

    @property
    def below(self) -> Sequence[tuple[int, float]]:
        """Pairs of an epoch and what is to be reached after it."""


def from_history(history: Any, wanted: Expectations) -> Curve | None:
    """A curve from numbers, from columns by name, or from a row an epoch; None where it is none."""
    if isinstance(history, Mapping):
        columns = {str(name): _numbers(column) for name, column in history.items()}
        return _of(columns, wanted, "history")
    if isinstance(history, list | tuple) and history:
        if all(isinstance(row, Mapping) for row in history):
            return _of(_columns(history), wanted, "history")
        return _curve(_numbers(history), wanted, "history")
    if isinstance(history, np.ndarray) and history.ndim == 1:
        return _curve(_numbers(history.tolist()), wanted, "history")
    return None


def from_files(files: Mapping[str, bytes], wanted: Expectations) -> Curve | None:
    """A curve from TensorBoard's event files, or else from a table of comma-separated values."""
    for name in sorted(files, key=lambda name: (name.endswith(".csv"), name)):
        read = _from_csv if name.endswith(".csv") else _from_events
        curve = _of(read(files[name]), wanted, PurePath(name).name[:120])
        if curve is not None:
            return curve
    return None


def unmet(curve: Curve, wanted: Expectations) -> list[str]:
    """What the curve should show and does not, a sentence each."""
    at = dict(zip(curve.epochs, curve.values, strict=True))
    said = []
    if wanted.levels is not None and 0 in at:
        nothing = math.log2(wanted.levels)
        if not abs(at[0] - nothing) <= wanted.near:
            said.append(
                f"An untrained model knows nothing and needs about {nothing:g}; your curve begins "
                f"at {at[0]:.3g}."
            )
    for epochs, figure in wanted.below:
        if epochs in at and not at[epochs] < figure:
            plural = "s" if epochs != 1 else ""
            said.append(
                f"After {epochs} epoch{plural} {wanted.metric} should be below {figure:g}; your "
                f"curve is at {at[epochs]:.3g}."
            )
    return said


def expect_curve(curve: Curve | None, wanted: Expectations) -> None:
    """Demands a learning curve that shows what is expected; epochs it has not are not asked for.

    Raises:
        CheckFailure: there is none, or it shows something else.
    """
    if curve is None:
        raise CheckFailure(
            f"No learning curve of {wanted.metric} was found: neither in the variable that the "
            "sheet names, nor in an event file of TensorBoard, nor in a CSV file."
        )
    evidence(curve_from=curve.source, epochs=curve.epochs[-1])
    if sentences := unmet(curve, wanted):
        raise CheckFailure(" ".join(sentences))


def _of(columns: Series, wanted: Expectations, source: str) -> Curve | None:
    """The column of the metric, with the last value of each epoch where there are several."""
    named = [name for name in columns if _names(name, wanted.metric) and columns[name]]
    if not named:
        return None
    best = min(named, key=lambda name: (_rank(name), -len(columns[name]), name))
    epochs = columns.get(f"{_EPOCH} of {best}") or columns.get(_EPOCH) or []
    values = columns[best]
    if len(epochs) == len(values):
        last = dict(zip(epochs, values, strict=True))
        return _curve(list(last.values()), wanted, source, list(last))
    return _curve(values, wanted, source)


def _curve(
    values: list[float], wanted: Expectations, source: str, logged: Sequence[float] = ()
) -> Curve | None:
    """A value an epoch, or for the epochs that were logged, which loggers number from 0 or 1."""
    if not values:
        return None
    kept = values[:MOST_POINTS]
    numbers = logged[:MOST_POINTS] if _are_epochs(logged) else range(len(kept))
    first = wanted.first_epoch - numbers[0]
    return Curve(tuple(int(first + number) for number in numbers), tuple(kept), source)


def _are_epochs(logged: Sequence[float]) -> bool:
    return (
        bool(logged)
        and all(number.is_integer() and abs(number) < _MOST_EPOCHS for number in logged)
        and all(before < after for before, after in pairwise(logged))
    )


def _names(name: str, metric: str) -> bool:
    # test_bpd and val/bpd are bpd as well; mybpd is something else.
    if name.startswith(f"{_EPOCH} of "):
        return False
    return bool(re.search(rf"(?<![^\W_]){re.escape(metric)}(?![^\W_])", name, re.IGNORECASE))


def _rank(name: str) -> int:
    lower = name.lower()
    return next((i for i, word in enumerate(_PREFERRED) if word in lower), len(_PREFERRED))


def _numbers(column: Any) -> list[float]:
    """The numbers of a column; empty where one entry is none."""
    if isinstance(column, np.ndarray):
        column = column.tolist() if column.ndim == 1 else []
    found = []
    for entry in column if isinstance(column, list | tuple) else []:
        if isinstance(entry, np.ndarray) and entry.size == 1:
            entry = entry.item()
        if isinstance(entry, bool) or not isinstance(entry, int | float):
            return []
        found.append(float(entry))
    return found


def _columns(rows: Iterable[Mapping[Any, Any]]) -> Series:
    """Columns of a table by rows, with an epoch column of its own for each that has gaps."""
    columns: Series = {}
    for row in rows:
        epoch = _numbers([row.get(_EPOCH)])
        for name, entry in row.items():
            if number := _numbers([entry]):
                columns.setdefault(str(name), []).append(number[0])
                columns.setdefault(f"{_EPOCH} of {name}", []).extend(epoch)
    return columns


def _from_csv(content: bytes) -> Series:
    text = io.StringIO(content.decode("utf-8-sig", "replace"), newline="")
    try:
        rows = list(islice(csv.DictReader(text), MOST_ROWS))
    except csv.Error:
        return {}
    return _columns([{k: _read(v) for k, v in row.items() if isinstance(v, str)} for row in rows])


def _read(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _from_events(content: bytes) -> Series:
    by_tag: dict[str, dict[int, float]] = {}
    for tag, step, value in scalars(content):
        by_tag.setdefault(tag, {})[step] = value
    epochs = by_tag.get(_EPOCH, {})
    columns: Series = {}
    for tag, points in by_tag.items():
        columns[tag] = list(points.values())
        columns[f"{_EPOCH} of {tag}"] = [epochs[step] for step in points if step in epochs]
    return columns
