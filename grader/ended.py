"""How a submission ended, of all that its notebook and its checks have said."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from grader.checks.verdict import Outcome, Verdict
from grader.kernel.job import Executed
from grader.printed import out_of_gpu_memory
from grader.results import Status


def ended(
    executed: Executed, verdicts: Sequence[Verdict], cells: Sequence[Mapping[str, Any]]
) -> tuple[Status, str]:
    """The status of a submission and its reason; a fault of ours outweighs every other."""
    ours = [v.check for v in verdicts if v.verdict is Outcome.INFRASTRUCTURE]
    if ours:
        return "infrastructure", f"could not be checked by {' and '.join(ours)}: see results.json"
    if not executed.fault and (reason := out_of_gpu_memory(cells)):
        return "memory", reason
    statuses: dict[str, Status] = {"": "graded", "timeout": "timeout", "memory": "memory"}
    return statuses.get(executed.fault, "crashed"), executed.reason
