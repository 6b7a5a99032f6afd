"""The sheets of other courses over vae."""

from __future__ import annotations

import pytest

from grader.authored import assignment_checks
from grader.checks.loading import require_complete
from tests.assignments.vae_dialect_verdicts import DIALECTS, sheet


@pytest.mark.parametrize("dialect", DIALECTS)
def test_every_point_of_a_dialect_is_decided_by_a_check(dialect: str) -> None:
    require_complete(assignment_checks(sheet(dialect)), sheet(dialect).questions)


def test_the_courses_are_these() -> None:
    assert DIALECTS == ("cs236", "ift6135", "mit67960", "uva")
