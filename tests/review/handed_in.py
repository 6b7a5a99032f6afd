"""The evening's hand-ins as a download of Gradescope, graded by the real command."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml
from typer.testing import CliRunner

from grader.cli import app
from tests.reports.sample_notebook import code, digits, image
from tests.review import evening

CHECKS = '''
from math import exp

from grader.checks import Expected, Subject, check, expect_all_close, expect_close

INPUTS = [(2.0, 0.0), (1.0, 0.5), (-1.0, -0.5), (0.5, 0.25), (3.0, -1.0)]


@check("kl", points=2)
def kl_is_the_expected_log_ratio(subject: Subject) -> None:
    """KL(q || p) is the expected log-ratio."""
    answers = [subject.call("KLD", mean, log_std) for mean, log_std in INPUTS]
    given = [{"mean": mean, "log_std": log_std} for mean, log_std in INPUTS]
    expected = [(exp(2 * s) + m * m - 1 - 2 * s) / 2 for m, s in INPUTS]
    expect_all_close(answers, [Expected(value, 20.0) for value in expected], given=given)


@check("kl", points=1)
def kl_is_zero_at_the_prior(subject: Subject) -> None:
    """KL is zero where q is the prior."""
    expect_close(subject.call("KLD", 0.0, 0.0), Expected(0.0, 1.0))


@check("bpd", points=1)
def bpd_of_one_pixel(subject: Subject) -> None:
    """One bit is one bit."""
    expect_close(subject.call("elbo_to_bpd", 0.6931471805599453), 1.0)
'''
CATALOGUE = f"""
from math import exp

from reference.mistakes.catalogue import Mistake, Variant


def _right(mean, log_std):
    return (exp(2 * log_std) + mean**2 - 1 - 2 * log_std) / 2


MISTAKES = (
    Mistake(
        "kl/missing-half",
        "KLD",
        {evening.SENTENCE!r},
        lambda mean, log_std: 2 * _right(mean, log_std),
    ),
)
VARIANTS = (Variant("as-derived", "KLD", _right),)
"""
KLD = """from math import exp, log


def KLD(mean, log_std):
    return {front}(exp(2 * log_std) + mean**2 - 1 - 2 * log_std)


def elbo_to_bpd(elbo):
    return elbo / log(2)
"""
SHOW = """from IPython.display import display

display({{"image/png": "{picture}", "text/plain": "<Figure>"}}, raw=True)
"""


def graded(folder: Path) -> Path:
    """Hands in for both students and runs `grader run`; gives the folder of the run."""
    sheet = evening.assignment(folder)
    toml = sheet / "assignment.toml"
    toml.write_text(f'catalogue = "catalogue.py"\n{toml.read_text("utf-8")}', "utf-8")
    (sheet / "checks.py").write_text(CHECKS, "utf-8")
    (sheet / "catalogue.py").write_text(CATALOGUE, "utf-8")
    download, out = _download(folder / "download"), folder / "out"
    command = ["run", str(download), "--assignment", str(sheet), "--out", str(out)]
    done = CliRunner().invoke(app, [*command, "--isolation", "bwrap", "--jobs", "1"])
    assert done.exit_code == 0, (done.output, done.exception)
    return out


def _download(folder: Path) -> Path:
    about = {}
    for number, (student_id, name) in enumerate(evening.NAMES.items(), 1):
        about[f"submission_{number}"] = {":submitters": [{":name": name, ":sid": student_id}]}
        hand_in = folder / f"submission_{number}"
        hand_in.mkdir(parents=True)
        text = json.dumps(_notebook(missing_half=student_id == "s1002"))
        (hand_in / "prose.ipynb").write_text(text, "utf-8")
    (folder / "submission_metadata.yml").write_text(yaml.safe_dump(about), "utf-8")
    return folder


def _notebook(missing_half: bool) -> dict[str, Any]:
    """What the evening's store has, before it was executed."""
    found = evening.notebook(missing_half)
    mc, _, _, samples, tight = found["cells"]
    kl = code(KLD.format(front="" if missing_half else "0.5 * "), "kl")
    figure = code(SHOW.format(picture=image(digits())), "samples-figure")
    return found | {"cells": [mc, kl, figure, samples, tight]}
