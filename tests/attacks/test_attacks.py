"""Every row of the list in docs/security.md, handed in beside students who mean no harm.

A folder `NN-name` holds the hostile work and `expect.toml` what must come of it. Those of one
group are handed in together and graded in one run by the real command. Each demands its own
expectation; and of the run as a whole that every neighbour has its full score and that no process,
file or mount is left.
"""

from __future__ import annotations

import csv
import re
from pathlib import Path
from typing import Any

import pytest

from grader.sandbox import TIERS as ISOLATION
from tests.attacks.course import SECRETS, Course
from tests.attacks.program import TIERS, Attack, attacks, loaded

FULL = {"numbers": 3, "tensors": 6}
LARGEST_PAGE = 2 << 20
# What somebody who means no harm takes at the most, where the machine is not busy otherwise.
NEIGHBOUR_SECONDS = 10.0
ATTACKS = attacks()
_problems: dict[str, str | None] = {}


def each(drills: bool) -> list[Any]:
    """Attack and tier; what every change has to pass is not marked slow."""
    return [
        pytest.param(attack, tier, id=f"{attack.name}-{tier}", marks=marks(attack, tier))
        for attack in ATTACKS
        for tier in attack.tiers
        if attack.drill.exists() is drills
    ]


def marks(attack: Attack, tier: str) -> list[pytest.MarkDecorator]:
    slow = attack.slow or tier != TIERS[0]
    lacking = [pytest.mark.skip(reason=f"needs {attack.lacks}")] if attack.lacks else []
    return [pytest.mark.sandbox, *lacking, *([pytest.mark.slow] if slow else [])]


class Runs:
    """Each group's run in each tier, when it is first asked for."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._done: dict[tuple[str, bool, str], Course] = {}

    def of(self, attack: Attack, tier: str) -> Course:
        """The run that the attack takes part in."""
        key = (attack.group, attack.slow, tier)
        if key not in self._done:
            self._done[key] = self.new(tier, attack.sheet)
            self._done[key].hand_in([a for a in ATTACKS if _together(a, attack, tier)])
            self._done[key].run()
        return self._done[key]

    def new(self, tier: str, sheet: str = "numbers") -> Course:
        """The folders of another run."""
        if tier not in _problems:
            _problems[tier] = ISOLATION[tier].problem()
        if problem := _problems[tier]:
            pytest.skip(problem)
        fonts = next(self._root.glob("*/out/.sandbox/matplotlib"), None)
        number = sum(1 for _ in self._root.iterdir())
        return Course(self._root / f"{number}-{tier}", tier, sheet, fonts)


def _together(one: Attack, other: Attack, tier: str) -> bool:
    same = (one.group, one.slow) == (other.group, other.slow)
    return same and tier in one.tiers and not one.lacks and not one.drill.exists()


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Runs:
    return Runs(tmp_path_factory.mktemp("attacks"))


@pytest.mark.parametrize(("attack", "tier"), each(drills=False))
def test_an_attack_ends_as_expected_and_costs_nobody_else(
    attack: Attack, tier: str, runs: Runs
) -> None:
    course = runs.of(attack, tier)
    results = course.results()
    require_unharmed(course, results)
    for student in course.hostile[attack.name]:
        require(attack, course, student, results[student])


def require_unharmed(course: Course, results: dict[str, Any]) -> None:
    """What holds of every run, whoever was in it."""
    assert course.left == []
    assert "\x1b" not in course.said
    assert "Traceback" not in course.said
    for row in neighbours(results):
        assert (row["status"], row["score"]) == ("graded", FULL[course.sheet]), row
    with (course.out / "grades.csv").open(newline="", encoding="utf-8") as file:
        cells = [cell for row in csv.reader(file) for cell in row]
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]


def neighbours(results: dict[str, Any]) -> list[dict[str, Any]]:
    """Rows of those who mean no harm; there are some in every run."""
    rows = [row for student, row in results.items() if "~neighbour" in student]
    assert rows
    return rows


def slowness(results: dict[str, Any]) -> float:
    """How many times longer than usual a submission takes here and now, attack or none."""
    return max(1.0, *(row["wall_seconds"] / NEIGHBOUR_SECONDS for row in neighbours(results)))


def require(attack: Attack, course: Course, student: str, row: dict[str, Any]) -> None:
    """The expectation of one hostile row."""
    said = (row["status"], row["reason"], row["score"], _verdicts(row))
    assert row["status"] in attack.status, said
    low, high = attack.score
    assert low <= row["score"] <= high, said
    assert re.search(attack.reason, row["reason"]), said
    for question, allowed in attack.verdicts.items():
        assert _verdicts(row)[question] in allowed, said
    shown, page = course.shown(row), course.page(student)
    for proof in attack.present:
        assert proof in shown, (proof, shown[-3000:])
    for secret in (*SECRETS, str(course.root), *attack.absent):
        assert secret not in shown, secret
        assert secret not in page, secret
        assert secret not in str(row), secret
    for text in attack.not_on_page:
        assert text not in page
        assert text not in (course.out / "report/index.html").read_text("utf-8")
    assert len(page) < LARGEST_PAGE
    longest = attack.seconds * slowness(course.results())
    assert row["wall_seconds"] <= longest, row["wall_seconds"]


def _verdicts(row: dict[str, Any]) -> dict[str, str]:
    return {verdict["question"]: verdict["verdict"] for verdict in row["verdicts"]}


@pytest.mark.parametrize(("attack", "tier"), each(drills=True))
def test_what_is_done_to_the_fleet_costs_no_result(attack: Attack, tier: str, runs: Runs) -> None:
    loaded(attack.drill).drill(runs.new(tier, attack.sheet))


def test_every_row_of_the_list_has_a_program() -> None:
    assert {int(attack.name.split("-")[0]) for attack in ATTACKS} == set(range(1, 96))
