"""What an author writes checks with.

Importing this package is cheap: a name brings its module with it when it is first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from grader.checks.context import Catalogue, Context
    from grader.checks.counterexamples import search
    from grader.checks.declare import Check, Detectable, check
    from grader.checks.exact_null import expect_normal, expect_standard_normal
    from grader.checks.expectations import (
        as_array,
        credit,
        expect,
        expect_between,
        expect_close,
        expect_decreasing,
        expect_finite,
        expect_increasing,
        expect_shape,
        share,
    )
    from grader.checks.expected import Expected
    from grader.checks.failure import CheckFailure
    from grader.checks.own import judge_by_any, like
    from grader.checks.recording import evidence
    from grader.checks.rungs import expect_all_close
    from grader.checks.subject import Array, Callback, Handle, Subject
    from grader.checks.verdict import Outcome, Verdict

_MODULE_OF = {
    "Array": "subject",
    "Callback": "subject",
    "Catalogue": "context",
    "Check": "declare",
    "CheckFailure": "failure",
    "Context": "context",
    "Detectable": "declare",
    "Expected": "expected",
    "Handle": "subject",
    "Outcome": "verdict",
    "Subject": "subject",
    "Verdict": "verdict",
    "as_array": "expectations",
    "check": "declare",
    "credit": "expectations",
    "evidence": "recording",
    "expect": "expectations",
    "expect_all_close": "rungs",
    "expect_between": "expectations",
    "expect_close": "expectations",
    "expect_decreasing": "expectations",
    "expect_finite": "expectations",
    "expect_increasing": "expectations",
    "expect_normal": "exact_null",
    "expect_shape": "expectations",
    "expect_standard_normal": "exact_null",
    "judge_by_any": "own",
    "like": "own",
    "search": "counterexamples",
    "share": "expectations",
}

__all__ = [
    "Array",
    "Callback",
    "Catalogue",
    "Check",
    "CheckFailure",
    "Context",
    "Detectable",
    "Expected",
    "Handle",
    "Outcome",
    "Subject",
    "Verdict",
    "as_array",
    "check",
    "credit",
    "evidence",
    "expect",
    "expect_all_close",
    "expect_between",
    "expect_close",
    "expect_decreasing",
    "expect_finite",
    "expect_increasing",
    "expect_normal",
    "expect_shape",
    "expect_standard_normal",
    "judge_by_any",
    "like",
    "search",
    "share",
]


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_MODULE_OF[name]}"), name)
