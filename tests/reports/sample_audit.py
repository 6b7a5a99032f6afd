"""Two made-up audits: one that is fit for release, one with everything that can be wrong."""

from __future__ import annotations

from grader.checks.audit import AuditReport, CheckRow, MistakeRow, VariantRow
from reports.audit import audit_page
from tests.reports.sample import XSS

DETECTS = "mean off by 0.061, std off by 0.044 (n = 32768)"
QUESTIONS = {"kl": "1.2 KL to the unit Gaussian", "law": "2.1 A sample"}
NAMES = [f"check_number_{n}_has_a_long_name" for n in range(22)]


def _check(name: str, **changed: object) -> CheckRow:
    given = {"question": "kl", "kills": ("kl/missing-half",), "false_fail": 0.0}
    rest = {"detectable": None, "hidden": False, "wall_seconds": 0.0125}
    return CheckRow(name=name, **(given | rest | changed))  # type: ignore[arg-type]


FIT = AuditReport(
    checks=(
        _check("kl_is_right"),
        _check(
            "law_is_right", question="law", false_fail=1e-9, detectable=DETECTS, wall_seconds=1.5
        ),
        _check("kl_far_out", hidden=True),
    ),
    mistakes=(
        MistakeRow("kl/missing-half", "KLD", ("kl_is_right", "kl_far_out"), ("kl/missing-half",)),
        MistakeRow("kl/mean", "KLD", ("kl_is_right",), ("kl/mean", "kl/sum")),
        MistakeRow("law/zeros", "sample", ("law_is_right",), ()),
    ),
    variants=(VariantRow("the right solution", True), VariantRow("kl/plain", True)),
    problems=(),
    wall_seconds=1.7,
)

# More checks than a phone is wide, more mistakes than it is high.
UNFIT = AuditReport(
    checks=tuple(_check(name, kills=(), detectable=XSS) for name in NAMES),
    mistakes=tuple(
        MistakeRow(f"kl/mistake-with-a-long-name-{n}", "KLD", (NAMES[n % 21],) if n else (), ())
        for n in range(60)
    ),
    variants=(
        VariantRow("the right solution", True),
        VariantRow(XSS, False, (NAMES[0],)),
        VariantRow("bpd/plain", False),
    ),
    problems=("mistake kl/mistake-with-a-long-name-0 survives every check", XSS),
    wall_seconds=60,
)


def page_of(report: AuditReport, *not_audited: str) -> str:
    """The page, under a title that tries to be more than text."""
    summary = "2 of 3 mistakes killed"
    return audit_page(
        report, title=XSS, summary=summary, questions=QUESTIONS, not_audited=not_audited
    )
