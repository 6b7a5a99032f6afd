"""Normalisation, its Jacobian and its place in a block, against torch and autograd."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch.func import jacrev

from reference import norm

D = 6
EPS = 1e-3


def draw(*shape: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64)


WEIGHT, BIAS = draw(D, seed=0), draw(D, seed=1)
ONES, ZEROS = torch.ones(D).double(), torch.zeros(D).double()


def learned(value: torch.Tensor) -> torch.Tensor:
    return F.layer_norm(value, (D,), WEIGHT, BIAS, EPS)


def plain(value: torch.Tensor) -> torch.Tensor:
    return norm.layer_norm(value, ONES, ZEROS, 0.0)


def sublayer(seed: int) -> Callable[[torch.Tensor], torch.Tensor]:
    weight = 0.5 * draw(D, D, seed=100 + seed)
    return lambda x: torch.tanh(x @ weight)


def test_layer_norm_is_that_of_torch() -> None:
    x = draw(2, 3, D)
    torch.testing.assert_close(norm.layer_norm(x, WEIGHT, BIAS, EPS), learned(x))


def test_epsilon_stands_inside_the_root() -> None:
    x = torch.tensor([[1e-3, -1e-3]]).double()
    one, zero = torch.ones(2).double(), torch.zeros(2).double()
    torch.testing.assert_close(norm.layer_norm(x, one, zero, 3e-6), x / 2e-3)


def test_layer_norm_jacobian_is_autograds() -> None:
    x = draw(4, D)
    ours = norm.layer_norm_jacobian(x, WEIGHT, EPS)
    torch.testing.assert_close(ours, torch.stack([jacrev(learned)(row) for row in x]))
    peer = [torch.autograd.functional.jacobian(learned, row) for row in x]
    torch.testing.assert_close(ours, torch.stack(peer))


def test_rows_of_the_jacobian_are_orthogonal_to_ones_and_to_the_normalised_x() -> None:
    x = draw(3, D)
    jacobian = norm.layer_norm_jacobian(x, ONES, 0.0)
    zero = torch.zeros(3, D).double()
    torch.testing.assert_close(jacobian.sum(-1), zero, rtol=0, atol=1e-14)
    product = (jacobian @ plain(x).unsqueeze(-1)).squeeze(-1)
    torch.testing.assert_close(product, zero, rtol=0, atol=1e-14)


def test_rms_norm_is_that_of_torch() -> None:
    x = draw(2, 3, D)
    torch.testing.assert_close(norm.rms_norm(x, WEIGHT, EPS), F.rms_norm(x, (D,), WEIGHT, EPS))


def test_blocks_are_their_definitions() -> None:
    x, inner = draw(2, 3, D), sublayer(0)
    torch.testing.assert_close(norm.post_norm(x, inner, learned), learned(x + inner(x)))
    torch.testing.assert_close(norm.pre_norm(x, inner, learned), x + inner(learned(x)))
    torch.testing.assert_close(norm.res_post_norm(x, inner, learned), x + learned(inner(x)))


@pytest.fixture(params=[True, False], ids=["pre", "post"])
def encoder(request: Any) -> torch.nn.TransformerEncoderLayer:
    torch.manual_seed(0)
    layer = torch.nn.TransformerEncoderLayer(
        D, 2, 4, dropout=0.0, norm_first=request.param, batch_first=True, dtype=torch.float64
    )
    return layer.eval()


def test_two_sublayers_are_torchs_encoder_layer(encoder: torch.nn.TransformerEncoderLayer) -> None:
    x = draw(2, 5, D)

    def attend(value: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = encoder.self_attn(value, value, value, need_weights=False)[0]
        return found

    def feed(value: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = encoder.linear2(F.relu(encoder.linear1(value)))
        return found

    with torch.no_grad():
        if encoder.norm_first:
            ours = norm.pre_norm_block(x, attend, feed, encoder.norm1, encoder.norm2)
        else:
            middle = norm.post_norm(x, attend, encoder.norm1)
            ours = norm.post_norm(middle, feed, encoder.norm2)
        torch.testing.assert_close(ours, encoder(x))


def test_silent_sublayer_leaves_the_identity_or_the_norm() -> None:
    x = draw(3, D)
    assert torch.equal(norm.pre_norm(x, torch.zeros_like, plain), x)

    def regular(value: torch.Tensor) -> torch.Tensor:
        return F.layer_norm(value, (D,))

    assert torch.equal(norm.res_post_norm(x, torch.zeros_like, regular), x)
    assert torch.equal(norm.post_norm(x, torch.zeros_like, plain), plain(x))


def test_branch_of_pre_norm_ignores_shift_and_scale_of_x() -> None:
    x, inner = draw(3, D), sublayer(0)
    branch = norm.pre_norm(x, inner, plain) - x
    moved = 5 * x + 3
    torch.testing.assert_close(norm.pre_norm(moved, inner, plain) - moved, branch)


@pytest.mark.parametrize("depth", [1, 5, 12])
def test_pre_norm_stack_is_its_blocks_and_the_final_norm(depth: int) -> None:
    x = last = draw(2, D)
    sublayers = [sublayer(index) for index in range(depth)]
    for inner in sublayers:
        last = last + inner(learned(last))
    ours = norm.pre_norm_stack(x, sublayers, depth * [learned], plain)
    torch.testing.assert_close(ours, plain(last))


def test_a_stack_of_different_numbers_of_norms_and_sublayers_is_refused() -> None:
    with pytest.raises(ValueError, match="shorter"):
        norm.pre_norm_stack(draw(D), [sublayer(0), sublayer(1)], [learned], learned)
