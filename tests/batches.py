"""A run of a whole class with what its display was told."""

from __future__ import annotations

from collections.abc import Callable

from grader.batch import Outcome, Plan
from grader.schedule import events


class Recorded:
    """A display that remembers what it was told."""

    def __init__(self) -> None:
        self.plans: list[Plan] = []
        self.told: list[events.Event] = []
        self.ended = 0

    def begin(self, plan: Plan) -> None:
        self.plans.append(plan)

    def tell(self, event: events.Event) -> None:
        self.told.append(event)

    def end(self) -> None:
        self.ended += 1

    @property
    def ran(self) -> list[str]:
        return sorted(e.student_id for e in self.told if isinstance(e, events.Started))


Run = Callable[..., tuple[Outcome, Recorded]]
