"""Thresholds from learning curves: the reference's mean, and a stated share of what it has learnt.

What was learnt reaches from the mean over the seeds (0) to a baseline that learns nothing of images
(1). Full marks end at `full` on that way, and the last points at `zero`.
"""

from __future__ import annotations

import json
import statistics
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ASSIGNMENTS = Path(__file__).absolute().parents[1] / "assignments"


@dataclass(frozen=True)
class Scale:
    """A row of an assignment's thresholds, and the runs that it comes from.

    Attributes:
        epochs: after which the runs are looked at.
        asked_for: epochs that the grader has to have set for the row to hold; None for any.
    """

    assignment: str
    question: str
    data_set: str
    figure: str
    epochs: int
    full_share: float
    zero_share: float
    asked_for: int | None = None

    def curve(self) -> dict[str, Any]:
        """The stored runs."""
        path = ASSIGNMENTS / self.assignment / "curves" / f"{self.data_set}.json"
        curve: dict[str, Any] = json.loads(path.read_text("utf-8"))
        return curve

    def reached(self) -> list[float]:
        """The figure after that many epochs, of every seed that was trained so long."""
        curves = [run[f"test_{self.figure}"] for run in self.curve()["runs"]]
        return [curve[self.epochs] for curve in curves if len(curve) > self.epochs]

    def full(self) -> float:
        """The figure up to which all points are given."""
        return self._on_the_way(self.full_share)

    def zero(self) -> float:
        """The figure from which on none is."""
        return self._on_the_way(self.zero_share)

    def _on_the_way(self, share: float) -> float:
        mean = statistics.mean(self.reached())
        baseline: float = self.curve()["baseline"][self.figure]
        return round(mean + share * (baseline - mean), 2)


# Early in a long training, width, rate and seed move the figure most: half of what was learnt is
# given to them after two epochs, and less the longer a run.
SCALES = (
    Scale("vae", "bpd-test", "digits", "bpd", 15, 0.4, 0.9),
    Scale("vae", "bpd-test", "mnist", "bpd", 2, 0.5, 0.9),
    Scale("vae", "bpd-test", "fashion-mnist", "bpd", 2, 0.5, 0.9),
    Scale("ddpm", "bpd-test", "digits", "bpd", 20, 0.15, 0.8),
    Scale("aae", "held-out", "digits", "squared_error", 30, 0.25, 0.9),
)
