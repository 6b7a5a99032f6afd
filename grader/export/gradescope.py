"""Gradescope: `results.json` for a submission, and the zip of an autograder that writes it.

Source: Gradescope, "Autograder specifications": score, output, visibility, stdout_visibility and
tests with score, max_score, status, name, output, output_format, visibility.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from importlib.metadata import requires
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from grader.assignment import Assignment
from grader.checks.verdict import Outcome, Verdict
from grader.effective import as_students_see
from grader.export.gradebook import Gradebook
from grader.results import SubmissionResult

_PACKAGES = ("grader", "reference", "reports", "assignments")
_LEFT_OUT = ("__pycache__", "submissions")
# A zip holds its members' times: with one time for all, the same content is the same file.
_TIME = (2000, 1, 1, 0, 0, 0)

_SETUP = """#!/usr/bin/env bash
set -euo pipefail
apt-get update
apt-get install -y bubblewrap libseccomp2 python3 python3-venv
python3 -m venv /autograder/venv
/autograder/venv/bin/pip install -r /autograder/source/requirements.txt
"""

# Where the container does not allow sandboxes, GRADER_ISOLATION=none is the operator's decision:
# a submission could then overwrite its own results.
_RUN = """#!/usr/bin/env bash
set -uo pipefail
cd /autograder/source
export PYTHONPATH=/autograder/source
python=/autograder/venv/bin/python
$python -m grader.cli run /autograder/submission --assignment {assignment} --out /tmp/graded \\
  --isolation "${{GRADER_ISOLATION:-auto}}" {dialect}
$python -m grader.cli export /tmp/graded --format gradescope --out /tmp/exported
mkdir -p /autograder/results
cp /tmp/exported/*.json /autograder/results/results.json
"""


def gradescope_results(book: Gradebook, result: SubmissionResult) -> str:
    """`results.json` of one submission; hidden checks are invisible to students."""
    tests = [_test(verdict) for verdict in result.verdicts]
    document: dict[str, Any] = {
        "score": float(book.score(result) or 0),
        "output": as_students_see(result).reason,
        "visibility": "visible",
        "stdout_visibility": "hidden",
        "execution_time": round(result.provenance.wall_seconds),
        "tests": tests,
    }
    return json.dumps(document, indent=1, allow_nan=False)


def autograder_zip(assignment: Assignment) -> bytes:
    """A zip to upload as an autograder: grader itself, the assignment, and what to install."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in sorted(_members(assignment).items()):
            member = zipfile.ZipInfo(name, _TIME)
            member.external_attr = (
                0o755 if name in ("setup.sh", "run_autograder") else 0o644
            ) << 16
            archive.writestr(member, content, zipfile.ZIP_DEFLATED)
    return packed.getvalue()


def _members(assignment: Assignment) -> dict[str, bytes]:
    dialect = f"--dialect {assignment.dialect}" if assignment.dialect else ""
    place = f"assignments/{assignment.name}"
    members = {
        "setup.sh": _SETUP.encode(),
        "run_autograder": _RUN.format(assignment=place, dialect=dialect).encode(),
        "requirements.txt": "\n".join(_requirements()).encode() + b"\n",
    }
    for package in _PACKAGES:
        spec = find_spec(package)
        for root in spec.submodule_search_locations or [] if spec else []:
            members |= _files(Path(root), package)
    return members | _files(assignment.folder, place)


def _files(folder: Path, place: str) -> dict[str, bytes]:
    found = {}
    for path in sorted(folder.rglob("*")):
        inside = path.relative_to(folder)
        if path.is_file() and not set(inside.parts) & set(_LEFT_OUT):
            found[f"{place}/{inside.as_posix()}"] = path.read_bytes()
    return found


def _requirements() -> Iterator[str]:
    for line in requires("grader") or []:
        if "extra ==" not in line:
            yield line


def _test(verdict: Verdict) -> dict[str, Any]:
    names = f" ({', '.join(verdict.mistakes)})" if verdict.mistakes else ""
    return {
        "name": verdict.title or verdict.check,
        "number": verdict.question,
        "score": verdict.points,
        "max_score": verdict.max_points,
        "status": "passed" if verdict.verdict is Outcome.PASSED else "failed",
        "output": f"{verdict.message}{names}",
        "output_format": "text",
        "visibility": "hidden" if verdict.hidden else "visible",
        "tags": list(verdict.mistakes),
    }
