"""What all submissions of a run share."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from grader.assignment import Assignment
from grader.checks.subject import Array
from grader.data import find, held_out
from grader.devices import Place
from grader.errors import SubmissionError, UsageError
from grader.submission import Submission

_PACKAGES = ("grader", "torch", "numpy", "matplotlib", "ipykernel")


@dataclass(frozen=True, slots=True)
class Settings:
    """What all submissions of a run share; the part that changes verdicts is in `key`."""

    assignment: Assignment
    tier: str
    library: Path
    notebooks: Path
    data_set: str
    data_dir: Path | None = None
    threads: int = 1
    place: Place = field(default_factory=lambda: Place("cpu"))
    per_gpu: int = 1
    secret: bytes = field(default=b"", repr=False)

    def key(self, submission: Submission) -> str:
        """Changes when anything changes that a verdict depends on."""
        parts = [submission.digest, self.assignment.digest(), self.tier, self.data_set]
        # What was run on the CPU before there was a choice has been run on it, and stays.
        device = [] if self.place.device == "cpu" else [self.place.device]
        versions = json.dumps([*parts, *device, package_versions()], sort_keys=True)
        return hashlib.sha256(self.secret + versions.encode()).hexdigest()


def data_set_for(assignment: Assignment, data_dir: Path | None) -> str:
    """The embedded default, or the first accepted data set that stands in `--data-dir`.

    Raises:
        UsageError: none stands there, or none is accepted.
    """
    if data_dir is None:
        return assignment.data.default
    problems = []
    for name in assignment.data.accepts:
        try:
            return find(name, data_dir).name
        except UsageError as error:
            problems.append(str(error))
    raise UsageError(
        "; ".join(problems) or f"assignment {assignment.name} accepts no data set from a folder"
    )


@cache
def held_out_images(data_set: str, data_dir: Path | None) -> Array:
    """The images that no submission sees, read once per process, shape (N, H, W).

    Raises:
        UsageError: data are missing or malformed.
    """
    try:
        return held_out(find(data_set, data_dir))
    except SubmissionError as error:
        # The file is the operator's: no student has handed it in.
        raise UsageError(f"{data_set}: {error}; put another file in its place") from error


def held_out_in_words(settings: Settings) -> str:
    """The held-out data of a run, as people read it: `digits/test (360 images)`.

    Raises:
        UsageError: data are missing or malformed.
    """
    images = held_out_images(settings.data_set, settings.data_dir)
    return f"{settings.data_set}/test ({len(images)} images)"


@cache
def package_versions() -> dict[str, str]:
    """Versions that a verdict may depend on, as far as they are installed."""
    found = {}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found
