"""Sandboxes of bubblewrap, where it works."""

from __future__ import annotations

import pytest

from grader.sandbox.bubblewrap import Bubblewrap

TIER = Bubblewrap()
PROBLEM = TIER.problem()
needs_bubblewrap = pytest.mark.skipif(PROBLEM is not None, reason=str(PROBLEM))
