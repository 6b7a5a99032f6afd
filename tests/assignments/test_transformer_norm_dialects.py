"""Solutions of other courses, written afresh in their style."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from grader.auditing import audit_assignment
from grader.checks.verdict import Outcome
from tests.assignments.ift6135_block import Parts
from tests.assignments.transformer_norm_verdicts import FOLDER, assert_right, assert_wrong, verdicts


@pytest.mark.parametrize("dialect", ["uva", "ift6135"])
def test_the_audit_of_a_dialect_finds_nothing_and_names_every_mistake(dialect: str) -> None:
    report = audit_assignment(str(FOLDER), dialect).report
    assert report.problems == ()
    assert [row.id for row in report.mistakes if row.id not in row.named_as] == []


class RsqrtNorm(nn.Module):
    def __init__(self, dim: int, eps: float = 1e-6) -> None:
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(dim))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + self.eps) * self.weight


class LengthNorm(nn.Module):
    def __init__(self, dim: int, eps: float = 1e-8) -> None:
        super().__init__()
        self.dim, self.eps, self.scale = dim, eps, nn.Parameter(torch.ones(dim))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        norm = torch.linalg.vector_norm(x, dim=-1, keepdim=True) * self.dim**-0.5
        return self.scale * x / (norm + self.eps)


class HalfAware(RsqrtNorm):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        wide = x.float()
        return super().forward(wide).type_as(x)


@pytest.mark.parametrize("RMSNorm", [RsqrtNorm, LengthNorm, HalfAware, nn.RMSNorm])
def test_rms_norm_of_uva_may_keep_epsilon_anywhere(RMSNorm: Any) -> None:
    assert_right("uva", "rms-norm-module", RMSNorm=RMSNorm)


@pytest.mark.parametrize("RMSNorm", [RsqrtNorm, HalfAware])
def test_rms_norm_may_be_a_class_in_our_own_sheet(RMSNorm: Any) -> None:
    assert_right("own", "rms-norm", RMSNorm=RMSNorm)


def rms_with(forward: Any) -> type[nn.Module]:
    return type("RMSNorm", (RsqrtNorm,), {"forward": forward})


@pytest.mark.parametrize(
    ("forward", "named"),
    [
        (lambda self, x: x / x.norm(dim=-1, keepdim=True) * self.weight, "rms-norm/sum-for-mean"),
        (
            lambda self, x: x / (x.pow(2).mean(-1, keepdim=True) + self.eps) * self.weight,
            "rms-norm/root-missing",
        ),
        (
            lambda self, x: x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + self.eps),
            "rms-norm/gain-missing",
        ),
        (
            lambda self, x: F.layer_norm(x, x.shape[-1:], self.weight, None, self.eps),
            "rms-norm/centred",
        ),
        (
            lambda self, x: (
                x * torch.rsqrt(x.pow(2).mean(1, keepdim=True) + self.eps) * self.weight
            ),
            "rms-norm/over-the-sequence",
        ),
        (
            lambda self, x: x / x.pow(2).mean(-1, keepdim=True).sqrt() * self.weight,
            "rms-norm/eps-missing",
        ),
    ],
)
def test_a_wrong_rms_norm_of_uva_is_named(forward: Any, named: str) -> None:
    assert_wrong("uva", "rms-norm-module", named, RMSNorm=rms_with(forward))


class Vision(Parts):
    def forward(self, x: Any) -> Any:
        out = self.attn(self.layer_norm_1(x)) + x
        return self.linear(self.layer_norm_2(out)) + out


class Masked(Parts):
    def forward(self, x: Any, mask: Any) -> Any:
        normed = self.layer_norm_1(x)
        x = x + self.attn(normed, mask)
        residual = x
        x = self.layer_norm_2(x)
        x = self.linear(x)
        return residual + x


class WithTorchs(nn.Module):
    def __init__(
        self, embed_dim: int, hidden_dim: int, num_heads: int, dropout: float = 0.3
    ) -> None:
        super().__init__()
        self.ffn = nn.ModuleList(
            [nn.Linear(embed_dim, hidden_dim), nn.Linear(hidden_dim, embed_dim)]
        )
        self.ln2, self.ln1 = nn.LayerNorm(embed_dim), nn.LayerNorm(embed_dim)
        self.mha = nn.MultiheadAttention(embed_dim, num_heads, dropout, batch_first=True)
        self.drop = nn.Dropout(dropout)

    def forward(self, x: Any, mask: Any = None) -> Any:
        normed = self.ln1(x)
        padded = None if mask is None else mask == 0
        attended, _ = self.mha(normed, normed, normed, key_padding_mask=padded)
        x = x + self.drop(attended)
        return x + self.drop(self.ffn[1](F.relu(self.ffn[0](self.ln2(x)))))


BLOCKS = pytest.mark.parametrize("Block", [Vision, Masked, WithTorchs])


@BLOCKS
@pytest.mark.parametrize("sheet", ["ift6135", "own"])
def test_a_right_block_of_ift6135_passes(sheet: str, Block: Any) -> None:
    assert_right(sheet, "block", PreNormAttentionBlock=Block)


def block_with(forward: Any) -> type[nn.Module]:
    return type("PreNormAttentionBlock", (Parts,), {"forward": forward})


def _post(self: Any, x: Any, mask: Any) -> Any:
    x = self.layer_norm_1(x + self.attn(x, mask))
    return self.layer_norm_2(x + self.linear(x))


def _second_from_norm(self: Any, x: Any, mask: Any) -> Any:
    x = self.layer_norm_2(x + self.attn(self.layer_norm_1(x), mask))
    return x + self.linear(x)


def _around_both(self: Any, x: Any, mask: Any) -> Any:
    return x + self.linear(self.layer_norm_2(self.attn(self.layer_norm_1(x), mask)))


def _first_only(self: Any, x: Any, mask: Any) -> Any:
    return self.linear(self.layer_norm_2(x + self.attn(self.layer_norm_1(x), mask)))


def _second_only(self: Any, x: Any, mask: Any) -> Any:
    x = self.attn(self.layer_norm_1(x), mask)
    return x + self.linear(self.layer_norm_2(x))


def _one_norm(self: Any, x: Any, mask: Any) -> Any:
    x = x + self.attn(self.layer_norm_1(x), mask)
    return x + self.linear(self.layer_norm_1(x))


def _no_second_norm(self: Any, x: Any, mask: Any) -> Any:
    x = x + self.attn(self.layer_norm_1(x), mask)
    return x + self.linear(x)


def _side_by_side(self: Any, x: Any, mask: Any) -> Any:
    return x + self.attn(self.layer_norm_1(x), mask) + self.linear(self.layer_norm_2(x))


@pytest.mark.parametrize(
    ("forward", "named"),
    [
        (_post, "is-post-norm"),
        (_second_from_norm, "second-residual-from-the-normed-stream"),
        (_around_both, "one-residual-around-both"),
        (_first_only, "second-residual-missing"),
        (_second_only, "first-residual-missing"),
        (_one_norm, "one-norm-for-both"),
        (_no_second_norm, "second-norm-missing"),
        (_side_by_side, "side-by-side"),
    ],
)
def test_a_wrong_block_of_ift6135_is_named(forward: Any, named: str) -> None:
    block = block_with(forward)
    assert_wrong("ift6135", "block", f"pre-norm-block/{named}", PreNormAttentionBlock=block)


def test_norm_inside_the_branches_behind_the_sublayers_is_wrong() -> None:
    def forward(self: Any, x: Any, mask: Any) -> Any:
        x = x + self.layer_norm_1(self.attn(x, mask))
        return x + self.layer_norm_2(self.linear(x))

    assert_wrong("ift6135", "block", PreNormAttentionBlock=block_with(forward))


def test_a_block_that_raises_is_an_error_of_the_students() -> None:
    def forward(self: Any, x: Any, mask: Any) -> Any:
        raise ValueError("no such mask")

    found = verdicts("ift6135", "block", PreNormAttentionBlock=block_with(forward))
    assert {verdict.verdict for verdict in found} == {Outcome.ERROR}
