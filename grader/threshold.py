"""Points by a figure that is measured again, on a scale that may depend on how the run was made."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations, pairwise
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from grader.authoring import Table

Device = Literal["cpu", "cuda"]


class Scale(Table):
    """Shares of the points by a figure: all at `full`, none at `zero`, linear between."""

    full: float
    zero: float
    between: tuple[tuple[float, float], ...] = Field(
        default=(), description="pairs of a figure and its share, where the fall is not even"
    )

    @property
    def corners(self) -> tuple[float, ...]:
        """Figures where the points begin or stop to change, or change faster."""
        return tuple(figure for figure, _ in self._knots())

    def share(self, value: float) -> float:
        """Share of the points that a figure earns; none for NaN."""
        knots = self._knots()
        if value <= knots[0][0]:
            return knots[0][1]
        for (low, before), (high, after) in pairwise(knots):
            if value <= high:
                return before + (after - before) * (value - low) / (high - low)
        return knots[-1][1] if value > knots[-1][0] else 0.0

    def _knots(self) -> list[tuple[float, float]]:
        return sorted([(self.full, 1.0), *self.between, (self.zero, 0.0)])

    @model_validator(mode="after")
    def _decides(self) -> Self:
        if self.full == self.zero:
            raise ValueError("full and zero are the same figure; between them the points fall")
        knots = self._knots()
        figures, shares = zip(*knots, strict=True)
        if len(set(figures)) < len(figures) or {knots[0][1], knots[-1][1]} != {0.0, 1.0}:
            raise ValueError("figures of `between` lie between full and zero, each only once")
        if list(shares) not in (sorted(shares), sorted(shares, reverse=True)):
            raise ValueError("shares of `between` fall from 1 at full to 0 at zero")
        return self


class When(Scale):
    """Another scale for some runs: it holds where everything does that it states."""

    data_set: str | None = None
    epochs: int | None = Field(default=None, gt=0, description="that the grader has set")
    device: Device | None = None

    def conditions(self) -> dict[str, Any]:
        """What it states, by name."""
        stated = {"data_set": self.data_set, "epochs": self.epochs, "device": self.device}
        return {name: value for name, value in stated.items() if value is not None}

    @model_validator(mode="after")
    def _states_something(self) -> Self:
        if not self.conditions():
            raise ValueError("it states no data_set, epochs or device")
        return self


class Threshold(Scale):
    """Points by a recomputed metric: the plain scale, and others `when` a run was made otherwise.

    Of the scales that hold for a run the one with most conditions counts.
    """

    metric: str = Field(min_length=1)
    when: tuple[When, ...] = ()

    def on(self, run: dict[str, Any]) -> Threshold:
        """The one scale that holds for a run.

        Args:
            run: its `data_set`, `epochs` and `device`; None for what it has not.
        """
        holding = [w for w in self.when if w.conditions().items() <= run.items()]
        if not holding:
            return self.model_copy(update={"when": ()})
        best = max(holding, key=lambda when: len(when.conditions()))
        taken = {"full": best.full, "zero": best.zero, "between": best.between}
        return self.model_copy(update={**taken, "when": ()})

    @model_validator(mode="after")
    def _never_in_doubt(self) -> Self:
        for first, second in _rivals(self.when):
            raise ValueError(
                f"`when` has two scales for the same run: {first} and {second}; state more in one"
            )
        return self


def _rivals(scales: tuple[When, ...]) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Pairs that may hold together and state as much as each other, without one for both."""
    stated = [scale.conditions() for scale in scales]
    for first, second in combinations(stated, 2):
        together = all(second.get(name, value) == value for name, value in first.items())
        unsettled = len(first) == len(second) and first | second not in stated
        if first == second or (together and unsettled):
            yield first, second
