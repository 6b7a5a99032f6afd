"""JUnit XML, which continuous integration reads: a suite per student, a case per check."""

from __future__ import annotations

import re
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from grader.checks.verdict import Outcome, Verdict
from grader.export.gradebook import Gradebook
from grader.results import SubmissionResult

_SKIPPED = {Outcome.MANUAL, Outcome.SKIPPED, Outcome.MISSING}
_ERRORS = {Outcome.ERROR, Outcome.TIMEOUT, Outcome.MEMORY, Outcome.INFRASTRUCTURE}
# What XML 1.0 has no way to write.
_UNWRITABLE = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit_xml(book: Gradebook) -> str:
    """The text of the file, put together suite by suite: no class is in memory as a tree."""
    root = Element("testsuites", name=_text(book.assignment.name))
    opened = tostring(root, encoding="unicode", xml_declaration=True)
    suites = [_suite(book, result) for result in book.results]
    if not suites:
        return f"{opened}\n"
    return "\n".join([f"{opened.removesuffix(' />')}>", *suites, "</testsuites>", ""])


def _suite(book: Gradebook, result: SubmissionResult) -> str:
    verdicts = result.verdicts
    suite = Element(
        "testsuite",
        name=_text(result.student_id),
        tests=str(len(verdicts)),
        failures=str(sum(_kind(v) == "failure" for v in verdicts)),
        errors=str(sum(_kind(v) == "error" for v in verdicts)),
        skipped=str(sum(_kind(v) == "skipped" for v in verdicts)),
        time=f"{result.provenance.wall_seconds:.3f}",
    )
    for verdict in verdicts:
        case = SubElement(
            suite,
            "testcase",
            classname=_text(f"{book.assignment.name}.{verdict.question}"),
            name=_text(verdict.title or verdict.check),
            time=f"{verdict.wall_seconds:.3f}",
        )
        if kind := _kind(verdict):
            ending = SubElement(case, kind, message=_text(_said(verdict)))
            if kind != "skipped":
                ending.set("type", verdict.verdict.value)
    indent(suite, level=1)
    return "  " + tostring(suite, encoding="unicode").rstrip()


def _kind(verdict: Verdict) -> str:
    if verdict.verdict is Outcome.PASSED:
        return ""
    if verdict.verdict in _SKIPPED:
        return "skipped"
    return "error" if verdict.verdict in _ERRORS else "failure"


def _said(verdict: Verdict) -> str:
    names = f" ({', '.join(verdict.mistakes)})" if verdict.mistakes else ""
    return f"{verdict.message or verdict.verdict.value}{names}"


def _text(text: str) -> str:
    return _UNWRITABLE.sub("\N{REPLACEMENT CHARACTER}", text)
