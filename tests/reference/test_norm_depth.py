"""What depth adds up and multiplies, against autograd on the stack itself."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch.func import jacrev

from reference import norm, norm_depth

D = 6
EPS = 1e-3
BLOCKS = {"post": norm.post_norm, "pre": norm.pre_norm, "res-post": norm.res_post_norm}
RECURSIONS = {
    "post": norm_depth.post_norm_jacobian,
    "pre": norm_depth.pre_norm_jacobian,
    "res-post": norm_depth.res_post_norm_jacobian,
}
BRANCHES = {
    "pre": norm_depth.pre_norm_branches,
    "res-post": norm_depth.res_post_norm_branches,
}
Map = Callable[[torch.Tensor], torch.Tensor]


def draw(*shape: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64)


def learned(seed: int) -> Map:
    weight, bias = draw(D, seed=seed), draw(D, seed=seed + 1)
    return lambda x: norm.layer_norm(x, weight, bias, EPS)


def sublayer(seed: int) -> Map:
    weight = 0.5 * draw(D, D, seed=100 + seed)
    return lambda x: torch.tanh(x @ weight)


@pytest.mark.parametrize("place", BRANCHES)
@pytest.mark.parametrize("depth", [1, 5, 12])
def test_stream_is_the_input_and_the_sum_of_its_branches(depth: int, place: str) -> None:
    x = last = draw(2, D)
    sublayers = [sublayer(index) for index in range(depth)]
    norms = [learned(index) for index in range(depth)]
    for inner, normed in zip(sublayers, norms, strict=True):
        last = BLOCKS[place](last, inner, normed)
    added = BRANCHES[place](x, sublayers, norms)
    assert added.shape == (depth, 2, D)
    torch.testing.assert_close(x + added.sum(0), last)


@pytest.mark.parametrize("depth", [1, 5, 12])
@pytest.mark.parametrize("place", BLOCKS)
def test_depth_recursion_is_autograds_jacobian(place: str, depth: int) -> None:
    x0 = x = draw(D)
    block = BLOCKS[place]
    layers = [(sublayer(index), learned(index)) for index in range(depth)]
    of_norm, of_sublayer = [], []
    for inner, normed in layers:
        normed_at = {"post": x + inner(x), "pre": x, "res-post": inner(x)}[place]
        of_norm.append(jacrev(normed)(normed_at))
        of_sublayer.append(jacrev(inner)(normed(x) if place == "pre" else x))
        x = block(x, inner, normed)

    def stack(value: torch.Tensor) -> torch.Tensor:
        for inner, normed in layers:
            value = block(value, inner, normed)
        return value

    ours = RECURSIONS[place](torch.stack(of_norm), torch.stack(of_sublayer))
    torch.testing.assert_close(ours, jacrev(stack)(x0), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("place", BLOCKS)
def test_gradient_norms_are_finite_differences(place: str) -> None:
    x, weights, readout = draw(D), 0.5 * draw(3, D, D, seed=1), draw(D, seed=2)

    def tail(value: torch.Tensor, layer: int) -> torch.Tensor:
        for weight in weights[layer:]:
            value = BLOCKS[place](
                value, weight.matmul, lambda v: torch.nn.functional.layer_norm(v, (D,))
            )
        return readout @ value

    found = norm_depth.gradient_norms(place, x, weights, readout)
    for layer in range(3):
        steps = 1e-5 * torch.eye(D).double()
        slopes = torch.stack([tail(x + s, layer) - tail(x - s, layer) for s in steps]) / 2e-5
        torch.testing.assert_close(found[layer], slopes.norm(), rtol=1e-6, atol=0)
        x = BLOCKS[place](
            x, weights[layer].matmul, lambda v: torch.nn.functional.layer_norm(v, (D,))
        )


@pytest.mark.parametrize("place", ["pre", "res-post"])
def test_silent_sublayers_hand_the_gradient_down_unchanged(place: str) -> None:
    readout = draw(D, seed=2)
    found = norm_depth.gradient_norms(place, draw(D), torch.zeros(12, D, D).double(), readout)
    torch.testing.assert_close(found, readout.norm().expand(12))


def test_different_numbers_of_norms_and_sublayers_are_refused() -> None:
    for branches in BRANCHES.values():
        with pytest.raises(ValueError, match="shorter"):
            branches(draw(D), [sublayer(0), sublayer(1)], [learned(0)])
