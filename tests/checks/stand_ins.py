"""Stand-ins for what an assignment declares, about the KL divergence of a diagonal Gaussian."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np


def kl(mean: np.ndarray, log_std: np.ndarray) -> np.ndarray:
    """KL divergence from a standard normal, in nats."""
    return 0.5 * (mean**2 + np.exp(2 * log_std) - 1 - 2 * log_std).sum(-1)


@dataclass(frozen=True)
class Signature:
    name: str
    arguments: tuple[str, ...] = ()


@dataclass(frozen=True)
class Question:
    id: str = "kl"
    title: str = "KL"
    points: float = 2.0
    manual: bool = False
    requires: tuple[str, ...] = ()
    function: Signature | None = Signature("KLD", ("mean", "log_std"))
    also: tuple[Signature, ...] = ()
    checked_as: Signature | None = None


@dataclass(frozen=True)
class Entry:
    """One of a catalogue: a mistake, or an honest way of being right."""

    id: str
    code: Any
    says: str = "Look again."
    function: str = "KLD"
    killed_by: tuple[str, ...] = ()
    around: Any = None
