"""A made-up class: thirty students, every kind of verdict, and one hostile hand-in."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from grader.results import Provenance, Status, SubmissionResult
from tests.reports import sample_notebook
from tests.reports.sample_assignment import ASSIGNMENT, CATALOGUE
from tests.reports.sample_verdicts import FAULTS, XSS, all_passed

__all__ = ["ASSIGNMENT", "CATALOGUE", "XSS", "provenance", "results", "student", "write_notebooks"]

# Name and faults.
CLASS = """Lin Okafor: half blurred
Petra Jansen: log-var
Søren Kierkegård: batch blurred
María José Núñez y García: noise raised
Anh Nguyễn:
Ada Byron: marked
Tomáš Dvořák: half nats
Émilie du Châtelet: log-var noise blurred absent
Wei Zhang: marked
יעל כהן: half blurred
Fatima al-Fihri: loss
Jürgen Groß: raised
Ngozi Adichie: marked blurred
Kofi Mensah: log-var absent
Yuki Tanaka: slow
Sofia Rossi: marked
Lars Nilsson: memory
Ines Duarte: blurred
Ravi Iyer: half noise nats loss
Chloé Martin: noise
Ivan Petrov: log-var blurred
Maja Kowalska: absent
Omar Haddad: ours
Hana Suzuki: marked nats
Noah de Vries: half
Leila Farah: blurred batch
Diego Álvarez: log-var loss raised absent blurred
Grace Mwangi: marked
Finn O’Brien: half slow absent"""


def provenance(isolation: str = "warm") -> Provenance:
    return Provenance(
        isolation=isolation,
        python="3.12.4",
        packages={"torch": "2.13.0", "numpy": "2.4.6"},
        started_at="2026-03-02T01:58:07+00:00",
        wall_seconds=41.8,
        execute_seconds=33.2,
        memory_bytes=734_003_200,
        overridden={"epochs": 2, "batch_size": 128},
        fixed={"PYTHONHASHSEED": "0", "OMP_NUM_THREADS": "1"},
        held_out="digits/test (360 images)",
    )


def student(index: int, name: str, faults: str) -> SubmissionResult:
    verdicts = all_passed()
    for fault in faults.split():
        for check, changes in FAULTS[fault]:
            verdicts[check] = replace(verdicts[check], **changes)
    status: Status = "timeout" if "slow" in faults else "memory" if "memory" in faults else "graded"
    value = 2.05 if "blurred" in faults else 1.713
    return SubmissionResult(
        student_id=str(4400 + 17 * index),
        name=name,
        assignment="vae",
        status=status,
        verdicts=tuple(verdicts.values()),
        reason="The cell `train` ran for longer than 600 s." if status == "timeout" else "",
        late=index % 11 == 3,
        submitted_at="2026-03-01T22:47:00+00:00",
        printed={"bpd": 0.41 if index == 0 else round(value, 2), "train_loss": 88.2},
        recomputed={} if status != "graded" else {"bpd": (value, value - 0.02, value + 0.02)},
        executed=f"{index}.ipynb",
        digest="5f0c" * 16,
        assignment_digest="ab12" * 16,
        earlier=("first.ipynb",) if index == 1 else (),
        provenance=provenance(),
    )


def results() -> list[SubmissionResult]:
    """The whole class."""
    lines = [line.partition(":") for line in CLASS.split("\n")]
    rows = [student(i, name, faults) for i, (name, _, faults) in enumerate(lines)]
    hostile = replace(
        student(29, XSS + "\u202e\x1b[2J", "hostile"),
        student_id="../../" + XSS,
        reason=XSS,
        status="timeout",
        provenance=provenance("none"),
        submitted_at=XSS,
        printed={XSS: float("nan"), "bpd": float("inf")},
        recomputed={"bpd": (1.7, 1.6, float("nan"))},
    )
    empty: dict[str, object] = {"verdicts": (), "executed": "", "printed": {}, "recomputed": {}}
    unreadable = replace(
        rows[17],
        status="unreadable",
        reason="The file is not JSON: it ends after 1,024 bytes, in the middle of a cell.",
        **empty,
    )
    lost = replace(
        rows[12],
        status="infrastructure",
        reason="The sandbox could not be started: the disk is full.",
        **empty,
    )
    return [*rows[:12], lost, *rows[13:17], unreadable, *rows[18:], hostile]


def write_notebooks(folder: Path) -> Path:
    """The executed notebooks of the class."""
    folder.mkdir(parents=True, exist_ok=True)
    for index in range(29):
        document = sample_notebook.ordinary(missing_half=index == 0, raises=index == 3)
        (folder / f"{index}.ipynb").write_text(json.dumps(document), "utf-8")
    (folder / "29.ipynb").write_text(json.dumps(sample_notebook.hostile(XSS)), "utf-8")
    return folder
