"""Programs that results are written for; cheap to import, since the command line lists them."""

from __future__ import annotations

from enum import StrEnum


class Format(StrEnum):
    """What `grader export` writes."""

    CSV = "csv"
    JSON = "json"
    CANVAS = "canvas"
    MOODLE = "moodle"
    GRADESCOPE = "gradescope"
    JUNIT = "junit"
    GITHUB = "github"
