"""A run of two students as it lies on disk: three questions of prose, two that checks decide."""

from __future__ import annotations

import hashlib
import json
from functools import cache
from pathlib import Path
from typing import Any

from grader.checks.verdict import Counterexample, Outcome, Shown, Verdict
from grader.marks import Mark, Marks
from grader.results import SubmissionResult
from grader.store import FILE, Store
from tests.reports.sample_notebook import KLD, code, digits, image

TOML = """
title = "Variational autoencoders"

[[question]]
id = "mc"
sheet = "1.1"
title = "Why Monte Carlo is inefficient here"
points = 2
rubric = \"\"\"
1 point: names the variance of p(x | z) under the prior.
1 point: says how it grows with the dimension of z.
\"\"\"

[[question]]
id = "kl"
sheet = "1.2"
title = "KL to the unit Gaussian"
points = 3
function = { name = "KLD", arguments = ["mean", "log_std"] }

[[question]]
id = "samples"
sheet = "1.3"
title = "What the samples show"
points = 1
rubric = "1 point: says that strokes are blurred, and why."
figure = { after = "samples-figure" }

[[question]]
id = "tight"
sheet = "1.4"
title = "When the bound is tight"
points = 1.5
rubric = "1.5 points: when q is the true posterior."

[[question]]
id = "bpd"
sheet = "1.5"
title = "Bits per dimension"
points = 1
function = { name = "elbo_to_bpd", arguments = ["elbo"] }
"""
MANUAL = {"mc": 2.0, "samples": 1.0, "tight": 1.5}
SENTENCE = "Your values are exactly twice too large: look at the constant in front."
NAMES = {"s1001": "Ada Byron", "s1002": "Lin Okafor"}
MC = "Most z drawn from the prior explain a given x badly,\nso a few rare ones decide the mean."


def assignment(folder: Path) -> Path:
    """Writes `folder/prose/assignment.toml`; gives its folder."""
    home = folder / "prose"
    home.mkdir(parents=True)
    (home / "assignment.toml").write_text(TOML, "utf-8")
    return home


def run_of(folder: Path, *results: SubmissionResult) -> Path:
    """A store and notebooks in `folder/out`; two students unless other results are given."""
    out = folder / "out"
    (out / "notebooks").mkdir(parents=True)
    with Store(out) as store:
        store.set_fact("assignment", str(assignment(folder)))
        store.set_fact("sentences", json.dumps({"kl/missing-half": SENTENCE}))
        for found in results or (result("s1001"), result("s1002", lost=True)):
            store.add_result("key", found)
            if found.executed:
                text = json.dumps(notebook(missing_half=found.student_id == "s1002"))
                (out / "notebooks" / found.executed).write_text(text, "utf-8")
    return out


def result(student_id: str, *, lost: bool = False, digest: str = "d1") -> SubmissionResult:
    """One student; `lost` fails the KL."""
    manual = {
        question: Verdict(
            question, question, Outcome.MANUAL, 0, most, message="Waits for a person."
        )
        for question, most in MANUAL.items()
    }
    bpd = Verdict("bpd", "bpd_of_one_pixel", Outcome.PASSED, 1, 1, title="One pixel is enough")
    verdicts = (manual["mc"], *kl(lost), manual["samples"], manual["tight"], bpd)
    return SubmissionResult(
        student_id,
        NAMES.get(student_id, student_id),
        "prose",
        "graded",
        verdicts,
        executed=f"{student_id}.ipynb",
        digest=digest,
    )


def kl(lost: bool) -> tuple[Verdict, ...]:
    if not lost:
        return (Verdict("kl", "kl_is_the_expected_log_ratio", Outcome.PASSED, 3, 3),)
    example = Counterexample(
        "KLD", {"mean": Shown("2.0", (), "float64")}, Shown("4.0"), Shown("2.0")
    )
    failed = Verdict(
        "kl",
        "kl_is_the_expected_log_ratio",
        Outcome.FAILED,
        0,
        2,
        title="KL(q || p) is the expected log-ratio",
        message="For mean = [2.0] your KLD returned 4.0.",
        counterexample=example,
        mistakes=("kl/missing-half",),
    )
    return failed, Verdict("kl", "kl_is_zero_at_the_prior", Outcome.PASSED, 1, 1)


def notebook(missing_half: bool) -> dict[str, Any]:
    figure = {
        "output_type": "display_data",
        "data": {"image/png": _picture(), "text/plain": "<Figure size 512x512>"},
        "metadata": {},
    }
    return {
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": {},
        "cells": [
            prose("mc", MC),
            code(KLD.format(front="" if missing_half else "0.5 * "), "kl"),
            code("plt.imshow(make_grid(vae.sample(64)))", "samples-figure", figure),
            prose("samples", "The strokes are blurred: <script>alert(1)</script> is not."),
            prose("tight", "When q(z | x) is p(z | x)."),
        ],
    }


@cache
def _picture() -> str:
    return image(digits())


def prose(grade_id: str, text: str) -> dict[str, Any]:
    metadata = {"nbgrader": {"grade_id": grade_id}}
    return {"cell_type": "markdown", "metadata": metadata, "source": text}


def half_done(out: Path) -> None:
    """Some marks, one verdict overruled, and two marks at once."""
    marks = Marks(out / FILE)
    why = "The sheet had the factor wrong."
    first = marks.add(mark("s1001", "mc", 1.5, comment="Say how it grows with the dimension."))
    marks.add(mark("s1001", "mc", 2, follows=first.id, reason="It does say so, in the margin."))
    marks.add(mark("s1001", "mc", 1, follows=first.id, comment="Rare: how rare?", author="Bo"))
    marks.add(mark("s1002", "samples", 1, comment="The right reason."))
    marks.add(mark("s1002", "kl", 3, reason=why))


def mark(
    student_id: str,
    question: str,
    points: float | None,
    follows: int = 0,
    comment: str = "",
    reason: str = "",
    author: str = "Ann",
    digest: str = "d1",
) -> Mark:
    return Mark(student_id, question, follows, points, comment, reason, author, digest)


def address(question: str, student_id: str) -> str:
    return f"/questions/{question}/{hashlib.sha256(student_id.encode()).hexdigest()[:12]}"


def pages() -> dict[str, str]:
    """Every kind of page."""
    return {
        "overview": "/",
        "answers": "/questions/mc",
        "disputed": address("mc", "s1001"),
        "answer": address("samples", "s1001"),
        "overruled": address("kl", "s1002"),
        "notebook": address("x", "s1001").replace("/questions/x", "/notebooks"),
    }
