"""What options of the command line can be given; typer shows these in its help."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer


class Isolation(StrEnum):
    """How students' code is kept from the machine and from each other."""

    AUTO = "auto"
    WARM = "warm"
    BWRAP = "bwrap"
    CONTAINER = "container"
    NONE = "none"


class Place(StrEnum):
    """Which machines grade."""

    LOCAL = "local"
    SLURM = "slurm"


class Device(StrEnum):
    """What students' code runs on."""

    AUTO = "auto"
    CPU = "cpu"
    CUDA = "cuda"


class Audience(StrEnum):
    """Who reads the pages."""

    STAFF = "staff"
    STUDENT = "student"


Readers = Annotated[
    Audience | None,
    typer.Option(help="Pages for the staff (report/), for students (feedback/); both when absent."),
]
