"""What options of the command line can be given; typer shows these in its help."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class Isolation(StrEnum):
    """How students' code is kept from the machine and from each other."""

    AUTO = "auto"
    WARM = "warm"
    BWRAP = "bwrap"
    CONTAINER = "container"
    NONE = "none"


class Machines(StrEnum):
    """Which machines grade."""

    LOCAL = "local"
    SLURM = "slurm"


class DeviceChoice(StrEnum):
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

# The options of `grader run`.
Submissions = Annotated[Path, typer.Argument(help="A download, a folder, a zip or a notebook.")]
Sheet = Annotated[
    str | None, typer.Option(help="Name or folder; read from the notebooks when absent.")
]
Out = Annotated[Path, typer.Option(help="Folder for grades and reports.")]
Jobs = Annotated[int | None, typer.Option(min=1, help="Submissions at a time.")]
DataDir = Annotated[Path | None, typer.Option(help="Folder with IDX data sets.")]
Only = Annotated[list[str] | None, typer.Option(help="This student; may be repeated.")]
Force = Annotated[bool, typer.Option("--force", help="Run unchanged ones again.")]
IsolatedBy = Annotated[Isolation, typer.Option(help="Sandbox of the students' code.")]
Dialect = Annotated[
    str | None, typer.Option(help="Another course's sheet, or none; found out when absent.")
]
On = Annotated[Machines, typer.Option(help="This machine, or a cluster under Slurm.")]
RunsOn = Annotated[DeviceChoice, typer.Option(help="auto takes a GPU where there is one.")]
Gpus = Annotated[int | None, typer.Option(min=1, help="GPUs to use; all when absent.")]
PerGpu = Annotated[int, typer.Option(min=1, help="Submissions at a time on each GPU.")]
Partition = Annotated[str, typer.Option(help="Of Slurm's.")]
GpusPerTask = Annotated[int, typer.Option(min=0, help="For each task of Slurm's.")]
Shard = Annotated[int, typer.Option(min=1, help="Submissions in a task of Slurm's.")]
Time = Annotated[str, typer.Option(help="Longest time of a task, as Slurm writes it.")]
