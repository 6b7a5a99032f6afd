"""What a driver is told to do, as plain data."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from grader.kernel.training import Training
from grader.sandbox import Sandbox


@dataclass(frozen=True, slots=True)
class Job:
    """One submission to execute in one sandbox.

    Attributes:
        notebook: as handed in; None where there are modules only.
        executed: where the executed notebook is written.
        tier: name of the isolation tier.
        sandbox: what it sees and may use.
        parameters: overrides behind the `parameters` cell.
        training: what is changed about how the notebook trains.
        modules: Python files to load behind it, by their name inside the hand-in.
    """

    notebook: Path | None
    executed: Path
    tier: str
    sandbox: Sandbox
    parameters: dict[str, Any] = field(default_factory=dict)
    training: Training = field(default_factory=Training)
    modules: tuple[tuple[str, Path], ...] = ()


@dataclass(frozen=True, slots=True)
class Executed:
    """How the execution of a notebook ended.

    Attributes:
        fault: "", "timeout", "memory" or "crashed".
        reason: one sentence when there is a fault.
        alive: whether the kernel still answers.
        seconds: of execution.
        overridden: parameters that were injected.
    """

    fault: str = ""
    reason: str = ""
    alive: bool = True
    seconds: float = 0.0
    overridden: dict[str, Any] = field(default_factory=dict)
