"""Classes for our own functions, written in the style of many courses."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from tests.assignments.ift6135_block import WithReset
from tests.assignments.transformer_norm_verdicts import assert_right, assert_wrong


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
