"""What only a machine with a GPU can show: `pytest -m gpu`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from grader.devices import place, visible_gpus
from grader.run import Listener, grade
from grader.settings import Settings
from grader.submission import Submission

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not visible_gpus(), reason="no NVIDIA GPU is at hand"),
]

ON_GPU = """
import torch
assert torch.cuda.device_count() == 1
weight = torch.ones(1, device="cuda")

def one():
    return weight.cpu()[0].item()

def two():
    return (weight + weight).cpu()[0].item()
"""

TOO_MUCH = "import torch\ntaken = torch.empty(1 << 50, dtype=torch.uint8, device='cuda')"


@pytest.mark.parametrize(
    ("source", "status", "score"), [(ON_GPU, "graded", 3), (TOO_MUCH, "memory", 0)]
)
def test_a_sandbox_has_one_gpu_and_a_share_of_its_memory(
    hand_in: Callable[..., Path], settings: Settings, source: str, status: str, score: float
) -> None:
    own = hand_in("ann", source) / "ann"
    submission = Submission("ann", "Ann", own / "sums.ipynb", folder=own, digest="d")
    on_gpu = replace(settings, tier="bwrap", place=place("cuda"), per_gpu=4)
    result = grade(submission, on_gpu, 0, Listener(lambda *_: None, lambda _: None))
    assert (result.status, result.score) == (status, score), result.reason
    assert result.provenance.device.startswith("cuda (")
    assert result.provenance.overridden["GPU memory"] == "25% of one GPU"
