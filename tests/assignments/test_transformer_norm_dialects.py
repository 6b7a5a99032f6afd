"""Solutions of other courses, written afresh in their style, and classes for our own functions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from grader.assignment import load
from grader.auditing import audit_assignment
from grader.authored import assignment_checks, catalogue_of
from grader.checks.adapted import Adapted
from grader.checks.context import Context
from grader.checks.runner import run_check
from grader.checks.seeds import Seeds
from grader.checks.verdict import Outcome, Verdict
from grader.dialect import in_dialect
from grader.kernel.local import LocalSubject

FOLDER = Path(__file__).parents[2] / "assignments" / "transformer_norm"
OWN = load(FOLDER)
SHEETS = {"own": OWN, **{name: in_dialect(OWN, name) for name in ("uva", "ift6135")}}


def verdicts(sheet: str, question: str, **names: Any) -> list[Verdict]:
    assignment = SHEETS[sheet]
    questions = {q.id: q for q in assignment.questions}
    subject = Adapted(LocalSubject(names), assignment.questions)
    checks = (c for c in assignment_checks(assignment) if c.question == question)
    contexts = ((c, Context(question=questions[question], seed=Seeds().of(c.name))) for c in checks)
    return [run_check(check, subject, given, catalogue_of(assignment)) for check, given in contexts]


def assert_right(sheet: str, question: str, **names: Any) -> None:
    for verdict in verdicts(sheet, question, **names):
        assert verdict.verdict is Outcome.PASSED, (verdict.check, verdict.message)


def assert_wrong(sheet: str, question: str, named: str | None = None, **names: Any) -> None:
    found = verdicts(sheet, question, **names)
    assert Outcome.FAILED in {verdict.verdict for verdict in found}
    assert {v.verdict for v in found} <= {Outcome.PASSED, Outcome.FAILED}
    if named is not None:
        assert named in {mistake for verdict in found for mistake in verdict.mistakes}


@pytest.mark.parametrize("dialect", ["uva", "ift6135"])
def test_the_audit_of_a_dialect_finds_nothing_and_names_every_mistake(dialect: str) -> None:
    report = audit_assignment(str(FOLDER), dialect).report
    assert report.problems == ()
    assert [row.id for row in report.mistakes if row.id not in row.named_as] == []


class Annotated(nn.Module):
    def __init__(self, features: int, eps: float = 1e-6) -> None:
        super().__init__()
        self.a_2 = nn.Parameter(torch.ones(features))
        self.b_2 = nn.Parameter(torch.zeros(features))
        self.eps = eps

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        mean = x.mean(-1, keepdim=True)
        variance = ((x - mean) ** 2).mean(-1, keepdim=True)
        return self.a_2 * (x - mean) / torch.sqrt(variance + self.eps) + self.b_2


class WithReset(nn.Module):
    def __init__(self, hidden_size: int, eps: float = 1e-5) -> None:
        super().__init__()
        self.hidden_size, self.eps = hidden_size, eps
        self.weight = nn.Parameter(torch.Tensor(hidden_size))
        self.bias = nn.Parameter(torch.Tensor(hidden_size))
        nn.init.ones_(self.weight)
        nn.init.zeros_(self.bias)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        variance, mean = torch.var_mean(inputs, -1, correction=0, keepdim=True)
        return (inputs - mean) * torch.rsqrt(variance + self.eps) * self.weight + self.bias


class OwnEpsilon(nn.Module):
    def __init__(self, d: int) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.ones(1, 1, d))
        self.beta = nn.Parameter(torch.zeros(1, 1, d))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.gamma * F.layer_norm(x, x.shape[-1:], eps=1e-8) + self.beta


class WithBias(nn.Module):
    def __init__(self, ndim: int, bias: bool) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(ndim))
        self.bias = nn.Parameter(torch.zeros(ndim)) if bias else None

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        return F.layer_norm(input, self.weight.shape, self.weight, self.bias, 1e-7)


class OfShape(nn.Module):
    def __init__(self, normalized_shape: Any, eps: float = 1e-5) -> None:
        super().__init__()
        self.dims, self.eps = tuple(range(-len(normalized_shape), 0)), eps
        self.gamma = nn.Parameter(torch.ones(*normalized_shape))
        self.beta = nn.Parameter(torch.zeros(*normalized_shape))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        variance, mean = torch.var_mean(x, self.dims, correction=0, keepdim=True)
        return self.gamma * (x - mean) / (variance + self.eps).sqrt() + self.beta


@pytest.mark.parametrize(
    "LayerNorm", [Annotated, WithReset, OwnEpsilon, WithBias, OfShape, nn.LayerNorm]
)
def test_layer_norm_may_be_a_class(LayerNorm: Any) -> None:
    assert_right("own", "layer-norm", LayerNorm=LayerNorm)


def test_a_function_may_have_the_name_of_a_class() -> None:
    def LayerNorm(x: Any, gamma: Any, beta: Any, eps: float = 1e-5) -> Any:
        return F.layer_norm(x, x.shape[-1:], gamma, beta, eps)

    assert_right("own", "layer-norm", LayerNorm=LayerNorm)
    assert_right("own", "pre-norm", PreNorm=lambda x, f, norm: x + f(norm(x)))


class Unbiased(Annotated):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        centred = x - x.mean(-1, keepdim=True)
        return self.a_2 * centred / (x.std(-1, keepdim=True) + self.eps) + self.b_2


class Unlearned(nn.Module):
    def __init__(self, dim: int, eps: float = 1e-5) -> None:
        super().__init__()
        self.eps = eps

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.layer_norm(x, x.shape[-1:], eps=self.eps)


@pytest.mark.parametrize(
    ("LayerNorm", "named"),
    [
        (Unbiased, "layer-norm/n-minus-one-and-eps-outside"),
        (Unlearned, "layer-norm/gain-and-shift-missing"),
    ],
)
def test_a_wrong_class_is_named_as_the_function_would_be(LayerNorm: Any, named: str) -> None:
    assert_wrong("own", "layer-norm", named, LayerNorm=LayerNorm)


def composed(place: str, x: Any, inner: Any, normed: Any) -> Any:
    blocks = {
        "post": lambda: normed(x + inner(x)),
        "pre": lambda: x + inner(normed(x)),
        "res_post": lambda: x + normed(inner(x)),
        "no_residual": lambda: normed(inner(x)),
        "from_norm": lambda: normed(x) + inner(normed(x)),
    }
    return blocks[place]()


class DimFirst(nn.Module):
    place, make = "pre", nn.LayerNorm

    def __init__(self, dim: int, fn: Any) -> None:
        super().__init__()
        self.norm, self.fn = self.make(dim), fn

    def forward(self, x: Any, **kwargs: Any) -> Any:
        return composed(self.place, x, lambda v: self.fn(v, **kwargs), self.norm)


class SublayerFirst(nn.Module):
    place, make = "pre", nn.LayerNorm

    def __init__(self, sublayer: Any, d_model: int, dropout: float = 0.1) -> None:
        super().__init__()
        self.sublayer, self.ln, self.drop = sublayer, self.make(d_model), nn.Dropout(dropout)

    def forward(self, x: Any) -> Any:
        return composed(self.place, x, lambda v: self.drop(self.sublayer(v)), self.ln)


class InForward(nn.Module):
    place, make = "pre", nn.LayerNorm

    def __init__(self, size: int, dropout: float = 0.1) -> None:
        super().__init__()
        self.norm, self.dropout = self.make(size), nn.Dropout(dropout)

    def forward(self, x: Any, sublayer: Any) -> Any:
        return composed(self.place, x, lambda v: self.dropout(sublayer(v)), self.norm)


class GivenNorm(nn.Module):
    place = "pre"

    def __init__(self, sublayer: Any, norm: Any) -> None:
        super().__init__()
        self.sublayer, self.norm = sublayer, norm

    def forward(self, x: Any) -> Any:
        return composed(self.place, x, self.sublayer, self.norm)


class NormClass(nn.Module):
    place = "pre"

    def __init__(self, d_model: int, module: Any, norm: Any = nn.LayerNorm) -> None:
        super().__init__()
        self.module, self.norm = module, norm(d_model)

    def forward(self, x: Any) -> Any:
        return composed(self.place, x, self.module, self.norm)


class Unnamed(nn.Module):
    place, make = "pre", nn.LayerNorm

    def __init__(self, one: int, two: Any) -> None:
        super().__init__()
        self.one, self.two = self.make(one), two

    def forward(self, x: Any) -> Any:
        return composed(self.place, x, self.two, self.one)


def residual(place: str, norm: Any, style: type[nn.Module]) -> type[nn.Module]:
    """A block of one sublayer in the style of some course."""
    return type(style.__name__, (style,), {"place": place, "make": norm})


STYLES = [DimFirst, SublayerFirst, InForward, GivenNorm, NormClass, Unnamed]


NAMES = {"post": "PostNorm", "pre": "PreNorm", "res_post": "ResPostNorm"}


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("norm", [nn.LayerNorm, Annotated, Unbiased])
@pytest.mark.parametrize("place", NAMES)
def test_blocks_may_be_classes_with_any_norm_of_their_own(
    place: str, norm: Any, style: type[nn.Module]
) -> None:
    question = f"{place.replace('_', '-')}-norm"
    assert_right("own", question, **{NAMES[place]: residual(place, norm, style)})


@pytest.mark.parametrize("style", [DimFirst, SublayerFirst, InForward])
@pytest.mark.parametrize(
    ("asked", "built", "named"),
    [
        ("post", "pre", "post-norm/is-pre-norm"),
        ("post", "res_post", "post-norm/is-res-post-norm"),
        ("post", "no_residual", "post-norm/residual-missing"),
        ("pre", "post", "pre-norm/is-post-norm"),
        ("pre", "res_post", "pre-norm/is-res-post-norm"),
        ("pre", "from_norm", "pre-norm/residual-from-the-normed-stream"),
        ("res_post", "pre", "res-post-norm/is-pre-norm"),
        ("res_post", "post", "res-post-norm/is-post-norm"),
        ("res_post", "no_residual", "res-post-norm/residual-missing"),
    ],
)
def test_a_class_with_the_norm_elsewhere_is_named(
    asked: str, built: str, named: str, style: type[nn.Module]
) -> None:
    question = f"{asked.replace('_', '-')}-norm"
    block = residual(built, nn.LayerNorm, style)
    assert_wrong("own", question, named, **{NAMES[asked]: block})


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


class MultiHeadedAttention(nn.Module):
    def __init__(self, head_size: int, num_heads: int, sequence_length: int = 0) -> None:
        super().__init__()
        size = head_size * num_heads
        self.heads = num_heads
        self.Q, self.K, self.V, self.O = (nn.Linear(size, size) for _ in range(4))

    def forward(self, hidden_states: Any, mask: Any = None) -> Any:
        B, T, C = hidden_states.shape
        shape = (B, T, self.heads, C // self.heads)
        q, k, v = (p(hidden_states).view(shape).transpose(1, 2) for p in (self.Q, self.K, self.V))
        scores = q @ k.transpose(-1, -2) / shape[-1] ** 0.5
        if mask is not None:
            scores = scores.masked_fill(mask[:, None, None, :] == 0, -1e9)
        mixed = scores.softmax(-1) @ v
        return self.O(mixed.transpose(1, 2).reshape(B, T, C))


class Parts(nn.Module):
    """What IFT6135 hands out with the block."""

    def __init__(
        self,
        embed_dim: int,
        hidden_dim: int,
        num_heads: int,
        sequence_length: int,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.layer_norm_1 = WithReset(embed_dim)
        self.attn = MultiHeadedAttention(embed_dim // num_heads, num_heads, sequence_length)
        self.layer_norm_2 = WithReset(embed_dim)
        self.linear = nn.Sequential(
            nn.Linear(embed_dim, hidden_dim),
            nn.GELU(),
            nn.Dropout(dropout),
            nn.Linear(hidden_dim, embed_dim),
            nn.Dropout(dropout),
        )


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
