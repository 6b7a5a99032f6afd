"""Right answers of attention in styles that the catalogue lacks, and wrong ones close to them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
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
from tests.assignments.ift6135_attention import SOURCE as IFT6135
from tests.assignments.test_attention_dialects import FOLDER, failed, judged
from tests.assignments.uva_transformer import SOURCE as UVA


def lost(question: str, source: str) -> list[str]:
    """Names of the question's public checks that a module fails."""
    namespace: dict[str, Any] = {"math": math, "np": np, "torch": torch, "F": F, "nn": nn}
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


WEIGHTS = "def attention_weights(q, k, mask=None):\n    "
SCORES = "s = q @ k.mT / math.sqrt(q.shape[-1])\n    "
ATTEND = "def scaled_dot_product(q, k, v, mask=None):\n    "
HEADS = (
    "def multi_head(queries, keys, values, projections, heads, mask=None):\n"
    "    w_q, b_q, w_k, b_k, w_v, b_v, w_o, b_o = projections\n    "
)
ANGLES = "def rotary_angles(length, head_size, base=10000.0):\n    "
RIGHT: Mapping[str, tuple[str, str]] = {
    "keys of an identity": (
        "weights",
        WEIGHTS + "v = torch.eye(k.shape[-2]).expand(*k.shape[:-2], -1, -1)\n"
        "    return F.scaled_dot_product_attention(q, k, v, attn_mask=mask)",
    ),
    "exponentials times the mask": (
        "weights",
        WEIGHTS + SCORES + "e = (s - s.amax(-1, keepdim=True)).exp()\n"
        "    e = e if mask is None else e * mask\n    return e / e.sum(-1, keepdim=True)",
    ),
    "in place, in double": (
        "weights",
        WEIGHTS + "s = q.double() @ k.double().mT / np.sqrt(q.shape[-1])\n"
        "    if mask is not None:\n        s[~mask.expand_as(s)] = -float('inf')\n"
        "    return s.softmax(-1)",
    ),
    "numbers for truth values": (
        "attention",
        ATTEND + "s = q @ k.mT / math.sqrt(q.shape[-1])\n"
        "    if mask is not None:\n        s = s + (1 - mask) * -1e9\n"
        "    p = s.softmax(-1)\n    return p @ v, p",
    ),
    "torch's own layer": (
        "heads",
        HEADS + "layer = nn.MultiheadAttention(queries.shape[-1], heads, batch_first=True)\n"
        "    layer.in_proj_weight.data = torch.cat((w_q, w_k, w_v))\n"
        "    layer.in_proj_bias.data = torch.cat((b_q, b_k, b_v))\n"
        "    layer.out_proj.weight.data, layer.out_proj.bias.data = w_o, b_o\n"
        "    return layer(queries, keys, values, attn_mask=None if mask is None else ~mask)",
    ),
    "angles in NumPy": (
        "angles",
        ANGLES + "i = np.arange(head_size // 2)\n"
        "    return torch.from_numpy(np.arange(length)[:, None] * base ** (-2 * i / head_size))",
    ),
}
WRONG: Mapping[str, tuple[str, str]] = {
    "closed scores at -5": (
        "weights",
        WEIGHTS + SCORES + "s = s if mask is None else s.masked_fill(~mask, -5.0)\n"
        "    return s.softmax(-1)",
    ),
    "scaled by the keys' number": (
        "weights",
        WEIGHTS + "s = q @ k.mT / math.sqrt(k.shape[-2])\n"
        "    s = s if mask is None else s.masked_fill(~mask, -1e9)\n    return s.softmax(-1)",
    ),
    "values' size for the scale": (
        "attention",
        ATTEND + "return F.scaled_dot_product_attention(\n"
        "        q, k, v, mask, scale=v.shape[-1] ** -0.5)",
    ),
    "angles of a base of their own": (
        "angles",
        ANGLES + "pace = 10000 ** (-torch.arange(0, head_size, 2) / head_size)\n"
        "    return torch.arange(length)[:, None] * pace",
    ),
}


@pytest.mark.parametrize("style", RIGHT)
def test_a_right_style_passes(style: str) -> None:
    assert lost(*RIGHT[style]) == []


@pytest.mark.parametrize("mistake", WRONG)
def test_a_mistake_beside_it_fails(mistake: str) -> None:
    assert lost(*WRONG[mistake]) != []


INSIDE = (
    ("def apply_rotary_emb(", "def turned_pair("),
    ("self.apply_rotary_emb(", "self.turned_pair("),
)


def test_rotary_positions_may_be_turned_by_a_method_of_another_name() -> None:
    assert not failed(judged("uva", UVA, *INSIDE))


def test_attention_without_positions_costs_the_points_of_positions_only() -> None:
    unturned = ("q, k = self.turned_pair(q, k, T)", "pass")
    assert failed(judged("uva", UVA, *INSIDE, unturned)) == {
        "rotary_keeps_lengths",
        "rotary_scores_depend_on_the_distance",
        "rotary_turns_pairs_at_their_own_pace",
        "rotary_turns_the_first_position_by_its_number",
    }


def test_one_norm_before_both_sublayers_fails() -> None:
    edit = ("self.layer_norm_2(x)", "self.layer_norm_1(x)")
    assert failed(judged("uva", UVA, edit)) == {"block_adds_two_normed_sublayers"}


BLOCK = (
    UVA[: UVA.index("class TransformerDecoderBlock")]
    + """
class TransformerDecoderBlock(nn.Module):
    def __init__(self, config):
        super().__init__()
        d = config.n_embd
        self.n1, self.n2, self.a = RMSNorm(d), RMSNorm(d), CausalSelfAttention(config)
        self.w1, self.w2, self.w3 = nn.Linear(d, 4 * d), nn.Linear(4 * d, d), nn.Linear(d, 4 * d)

    def forward(self, x):
        x = x + self.a(self.n1(x))
        h = self.n2(x)
        return x + self.w2(F.silu(self.w1(h)) * self.w3(h))
"""
)
PLACES = {"block_adds_two_normed_sublayers"}


def test_a_block_whose_parts_have_names_of_their_own_passes() -> None:
    assert not failed(judged("uva", BLOCK))


@pytest.mark.parametrize(
    ("old", "new", "names"),
    [
        ("F.silu(self.w1(h)) * self.w3(h)", "self.w1(h)", {"feed_forward_bends"}),
        ("h = self.n2(x)", "h = x", PLACES),
        ("self.n2(x)", "self.n1(x)", PLACES),
        ("self.a(self.n1(x))", "self.a(x)", PLACES),
        ("x = x + self.a(self.n1(x))\n        h = self.n2(x)", "h = self.n2(x)", PLACES),
    ],
)
def test_a_mistake_in_such_a_block_fails(old: str, new: str, names: set[str]) -> None:
    assert failed(judged("uva", BLOCK, (old, new))) == names


def test_a_feed_forward_part_that_begins_at_zero_passes() -> None:
    zeros = "self.w3 = nn.Linear(d, 4 * d), nn.Linear(4 * d, d), nn.Linear(d, 4 * d)"
    edit = (zeros, zeros + "\n        nn.init.zeros_(self.w2.weight)")
    assert not failed(judged("uva", BLOCK, edit))


OTHER_NAMES = tuple(
    (f"self.W_{old}", f"self.{new}") for old, new in zip("QKVO", "qkvo", strict=True)
)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("return self.o(self.apply_attention(q, k, v))", "return self.apply_attention(q, k, v)"),
        ("self.v(hidden_states)", "hidden_states"),
        ("self.apply_attention(q, k, v)", "self.apply_attention(q, v, k)"),
        ("self.o(self.apply_attention(q, k, v))", "self.apply_attention(q, k, v) @ self.o.weight"),
        ("self.k(hidden_states)", "self.q(hidden_states)"),
        ("return self.o(", "return hidden_states + self.o("),
    ],
)
def test_a_layer_is_judged_whatever_its_projections_are_called(old: str, new: str) -> None:
    assert not failed(judged("ift6135", IFT6135, *OTHER_NAMES))
    wrong = judged("ift6135", IFT6135, *OTHER_NAMES, (old, new))
    assert failed(wrong) == {"class_projects_before_and_after"}
