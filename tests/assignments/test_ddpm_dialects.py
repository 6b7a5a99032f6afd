"""The sheets of other courses over ddpm, and what holds in each of them."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from grader.auditing import audit_assignment
from grader.checks.verdict import Outcome
from reference.mistakes.catalogue import Variant
from tests.assignments.ddpm_dialect_verdicts import CATALOGUES, FOLDER, judged, sheet


@pytest.mark.slow
@pytest.mark.parametrize("dialect", CATALOGUES)
def test_the_audit_of_a_dialect_finds_nothing(dialect: str) -> None:
    report = audit_assignment(str(FOLDER), dialect).report
    assert report.problems == ()
    assert len(report.mistakes) == len(CATALOGUES[dialect].MISTAKES)


def test_mits_sheet_asks_for_six_panels() -> None:
    asked = [question.id for question in sheet("mit67960").questions]
    assert {"schedule", "sampling", "panels"} <= set(asked)
    (panels,) = (q for q in sheet("mit67960").questions if q.id == "panels")
    assert panels.figure is not None
    assert panels.figure.rows * panels.figure.columns == 6


@pytest.mark.slow
@pytest.mark.parametrize("dialect", CATALOGUES)
def test_every_variant_passes_under_any_seed(dialect: str) -> None:
    variants: tuple[Variant, ...] = CATALOGUES[dialect].VARIANTS
    for variant in variants:
        for course in range(25):
            verdicts = judged(dialect, {variant.function: variant.code}, f"course {course}")
            assert {verdict.verdict for verdict in verdicts} == {Outcome.PASSED}, variant.id


@pytest.mark.parametrize("dialect", CATALOGUES)
def test_a_network_that_is_never_asked_is_noticed(dialect: str) -> None:
    class Silent:
        def __init__(self, *_: Any) -> None:
            pass

        def __getattr__(self, name: str) -> Any:
            return lambda *args: torch.zeros(3)

    name = "DDPM" if dialect == "dtu02460" else "DenoiseDiffusion"
    found = judged(dialect, {name: Silent})
    assert Outcome.PASSED not in {verdict.verdict for verdict in found}
    assert Outcome.INFRASTRUCTURE not in {verdict.verdict for verdict in found}
