"""Time of every check of an assignment, in this process, on its right solution.

Checks of what the run of a notebook leaves behind, a trained model or figures, are left out: what
they take is the student's. The first round pays for what a process prepares once: expected values
that are the same for every submission, and modules that torch imports late. Where other programs
share the machine, the processor time is what the checks themselves take.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import torch

from grader.assignment import Assignment, load
from grader.authored import assignment_checks, catalogue_of
from grader.checks.context import Catalogue, Context
from grader.checks.declare import Check
from grader.checks.runner import run_check
from grader.checks.seeds import Seeds
from grader.checks.verdict import Outcome


@dataclass(frozen=True)
class Spent:
    """What one check took."""

    wall_seconds: float
    cpu_seconds: float


def main() -> None:
    """Prints the first round and the medians of the others."""
    options = _options()
    torch.set_num_threads(1)
    assignment = load(options.assignment)
    catalogue = catalogue_of(assignment)
    if catalogue is None:
        raise SystemExit(f"{assignment.name} has no catalogue, so there is no right solution")
    checks = _of_functions(assignment)
    first, *others = (
        [_run(check, assignment, catalogue) for check in checks] for _ in range(1 + options.repeat)
    )
    medians = [_median(rounds) for rounds in zip(*others, strict=True)]
    total = _median([_sum(spent) for spent in others])
    if options.json:
        rows = [{"check": c.name, **asdict(m)} for c, m in zip(checks, medians, strict=True)]
        facts = {"assignment": assignment.name, "repeats": options.repeat, "checks": rows}
        print(json.dumps({**facts, "total": asdict(total), "first": asdict(_sum(first))}))
        return
    _print(checks, medians, total, _sum(first), options.repeat)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("assignment", nargs="?", default="vae")
    parser.add_argument("--repeat", type=int, default=9)
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


def _of_functions(assignment: Assignment) -> list[Check]:
    functions = {question.id for question in assignment.questions if question.function}
    return [check for check in assignment_checks(assignment) if check.question in functions]


def _run(check: Check, assignment: Assignment, catalogue: Catalogue) -> Spent:
    (question,) = (q for q in assignment.questions if q.id == check.question)
    seed = Seeds(assignment=assignment.name, version=assignment.version).of(check.name)
    subject, context = catalogue.make_subject({}), Context(question=question, seed=seed)
    wall, cpu = time.perf_counter(), time.process_time()
    verdict = run_check(check, subject, context, catalogue)
    spent = Spent(time.perf_counter() - wall, time.process_time() - cpu)
    if verdict.verdict is not Outcome.PASSED:
        raise SystemExit(f"the right solution meets {check.name} with: {verdict.message}")
    return spent


def _median(rounds: Sequence[Spent]) -> Spent:
    return Spent(
        statistics.median(spent.wall_seconds for spent in rounds),
        statistics.median(spent.cpu_seconds for spent in rounds),
    )


def _sum(parts: Sequence[Spent]) -> Spent:
    return Spent(sum(p.wall_seconds for p in parts), sum(p.cpu_seconds for p in parts))


def _print(
    checks: Sequence[Check], medians: Sequence[Spent], total: Spent, first: Spent, repeats: int
) -> None:
    rows = [*zip((check.name for check in checks), medians, strict=True)]
    rows += [("all of them", total), ("all of them, the first time", first)]
    width = max(len(name) for name, _ in rows)
    print(f"{len(checks)} checks, medians of {repeats}, in ms")
    print(f"  {'':{width}} {'wall':>8} {'CPU':>8}")
    for name, spent in rows:
        wall, cpu = 1000 * spent.wall_seconds, 1000 * spent.cpu_seconds
        print(f"  {name:{width}} {wall:8.1f} {cpu:8.1f}")


if __name__ == "__main__":
    main()
