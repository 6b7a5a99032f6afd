"""Long lists of cases of which the default run takes some, and `-m slow` the rest."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest


def thinned(cases: Iterable[Any], one_in: int) -> list[Any]:
    """Cases for `parametrize`: all but one in so many are slow."""
    return [
        pytest.param(case, marks=[pytest.mark.slow] if place % one_in else [])
        for place, case in enumerate(cases)
    ]
