"""Classes of norms and blocks in styles that the catalogue lacks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from grader.assignment import load
from grader.authored import assignment_checks
from grader.checks.context import Context
from grader.checks.runner import run_check
from grader.checks.seeds import Seeds
from grader.checks.verdict import Outcome
from grader.kernel.local import LocalSubject

FOLDER = Path(__file__).parents[2] / "assignments" / "transformer_norm"

ADDED_TO_ONE = """
class RMSNorm(nn.Module):
    def __init__(self, dim, eps=1e-6):
        super().__init__()
        self.eps, self.weight = eps, nn.Parameter(torch.zeros(dim))

    def forward(self, x):
        return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + self.eps) * (1.0 + self.weight)
"""
BY_RATIO = """
class PreNormTransformerBlock(nn.Module):
    def __init__(self, dim, num_heads, mlp_ratio=4):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.attn = nn.MultiheadAttention(dim, num_heads, batch_first=True)
        hidden = mlp_ratio * dim
        self.mlp = nn.Sequential(nn.Linear(dim, hidden), nn.GELU(), nn.Linear(hidden, dim))

    def forward(self, x):
        h = self.norm1(x)
        x = x + self.attn(h, h, h, need_weights=False)[0]
        return x + self.mlp(self.norm2(x))
"""


def lost(question: str, source: str) -> list[str]:
    """Names of the question's public checks that a module fails."""
    namespace: dict[str, Any] = {"torch": torch, "F": F, "nn": nn}
    exec(compile(source, "module", "exec"), namespace)
    assignment = load(FOLDER)
    asked = {each.id: each for each in assignment.questions}[question]
    return [
        check.name
        for check in assignment_checks(assignment)
        if check.question == question
        and not check.hidden
        and run_check(
            check,
            LocalSubject(namespace),
            Context(question=asked, seed=Seeds(b"").of(check.name)),
        ).verdict
        is not Outcome.PASSED
    ]


def test_a_gain_may_be_kept_as_what_it_adds_to_one() -> None:
    assert lost("rms-norm", ADDED_TO_ONE) == []


@pytest.mark.parametrize(
    ("old", "new"), [("zeros(dim)", "ones(dim)"), ("(1.0 + self.weight)", "self.weight")]
)
def test_such_a_gain_begins_at_what_leaves_the_norm_alone(old: str, new: str) -> None:
    assert old in ADDED_TO_ONE
    assert lost("rms-norm", ADDED_TO_ONE.replace(old, new)) != []


@pytest.mark.parametrize("ratio", [2, 4])
def test_a_block_may_size_its_mlp_by_a_ratio(ratio: int) -> None:
    assert lost("block", BY_RATIO.replace("mlp_ratio=4", f"mlp_ratio={ratio}")) == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("self.mlp(self.norm2(x))", "self.mlp(self.norm1(x))"),
        ("self.mlp(self.norm2(x))", "self.norm2(self.mlp(x))"),
        ("x = x + self.attn", "x = h + self.attn"),
        ("return x + self.mlp", "return self.mlp"),
    ],
)
def test_a_mistake_in_such_a_block_fails(old: str, new: str) -> None:
    assert old in BY_RATIO
    assert lost("block", BY_RATIO.replace(old, new)) != []
