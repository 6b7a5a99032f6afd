"""Normalisation, its Jacobian and its place in a block, against torch and autograd."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch.func import jacrev

from reference import norm

D = 6
BLOCKS = (norm.post_norm, norm.pre_norm, norm.res_post_norm)


def draw(*shape: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64)


def learned(seed: int = 0) -> norm.Norm:
    return norm.Norm(draw(D, seed=seed), draw(D, seed=seed + 1), 1e-3)


def plain(eps: float = 0.0) -> norm.Norm:
    return norm.Norm(torch.ones(D).double(), torch.zeros(D).double(), eps)


def sublayer(seed: int) -> Callable[[torch.Tensor], torch.Tensor]:
    weight = 0.5 * draw(D, D, seed=100 + seed)
    return lambda x: torch.tanh(x @ weight)


def test_layer_norm_is_that_of_torch() -> None:
    x, given = draw(2, 3, D), learned()
    expected = F.layer_norm(x, (D,), given.weight, given.bias, given.eps)
    torch.testing.assert_close(norm.layer_norm(x, given), expected)


def test_epsilon_stands_inside_the_root() -> None:
    x = torch.tensor([[1e-3, -1e-3]]).double()
    given = norm.Norm(torch.ones(2).double(), torch.zeros(2).double(), 3e-6)
    torch.testing.assert_close(norm.layer_norm(x, given), x / 2e-3)


def test_layer_norm_jacobian_is_autograds() -> None:
    x, given = draw(4, D), learned()
    expected = torch.stack([jacrev(lambda row: norm.layer_norm(row, given))(row) for row in x])
    torch.testing.assert_close(norm.layer_norm_jacobian(x, given), expected)
    peer = torch.stack(
        [
            torch.autograd.functional.jacobian(
                lambda row: F.layer_norm(row, (D,), given.weight, given.bias, given.eps), row
            )
            for row in x
        ]
    )
    torch.testing.assert_close(norm.layer_norm_jacobian(x, given), peer)


def test_rows_of_the_jacobian_are_orthogonal_to_ones_and_to_the_normalised_x() -> None:
    x = draw(3, D)
    jacobian = norm.layer_norm_jacobian(x, plain())
    normalised = norm.layer_norm(x, plain())
    zero = torch.zeros(3, D).double()
    torch.testing.assert_close(jacobian.sum(-1), zero, rtol=0, atol=1e-14)
    product = (jacobian @ normalised.unsqueeze(-1)).squeeze(-1)
    torch.testing.assert_close(product, zero, rtol=0, atol=1e-14)


def test_rms_norm_is_that_of_torch() -> None:
    x, weight = draw(2, 3, D), draw(D, seed=1)
    expected = F.rms_norm(x, (D,), weight, 1e-3)
    torch.testing.assert_close(norm.rms_norm(x, weight, 1e-3), expected)


def test_blocks_are_their_definitions_with_torchs_own_layer_norm() -> None:
    x, given, inner = draw(2, 3, D), learned(), sublayer(0)

    def torch_norm(value: torch.Tensor) -> torch.Tensor:
        return F.layer_norm(value, (D,), given.weight, given.bias, given.eps)

    torch.testing.assert_close(norm.post_norm(x, inner, given), torch_norm(x + inner(x)))
    torch.testing.assert_close(norm.pre_norm(x, inner, given), x + inner(torch_norm(x)))
    torch.testing.assert_close(norm.res_post_norm(x, inner, given), x + torch_norm(inner(x)))


def test_post_and_pre_norm_are_torchs_encoder_layer_without_feed_forward() -> None:
    for first in (True, False):
        layer = torch.nn.TransformerEncoderLayer(
            D, 2, 4, dropout=0.0, norm_first=first, batch_first=True, dtype=torch.float64
        )
        layer.eval()
        with torch.no_grad():
            layer.linear2.weight.zero_()
            layer.linear2.bias.zero_()
            given = norm.Norm(layer.norm1.weight, layer.norm1.bias, layer.norm1.eps)
            x = draw(2, 5, D)

            def attend(value: torch.Tensor, peer: torch.nn.Module = layer) -> torch.Tensor:
                return peer.self_attn(value, value, value, need_weights=False)[0]

            if first:
                torch.testing.assert_close(norm.pre_norm(x, attend, given), layer(x))
                continue
            last = norm.Norm(layer.norm2.weight, layer.norm2.bias, layer.norm2.eps)
            ours = norm.layer_norm(norm.post_norm(x, attend, given), last)
            torch.testing.assert_close(ours, layer(x))


def test_silent_sublayer_leaves_the_identity_or_the_norm() -> None:
    x = draw(3, D)
    assert torch.equal(norm.pre_norm(x, torch.zeros_like, plain()), x)
    assert torch.equal(norm.res_post_norm(x, torch.zeros_like, plain(1e-5)), x)
    post = norm.post_norm(x, torch.zeros_like, plain())
    assert torch.equal(post, norm.layer_norm(x, plain()))


def test_branch_of_pre_norm_ignores_shift_and_scale_of_x() -> None:
    x, inner = draw(3, D), sublayer(0)
    branch = norm.pre_norm(x, inner, plain()) - x
    moved = 5 * x + 3
    torch.testing.assert_close(norm.pre_norm(moved, inner, plain()) - moved, branch)


@pytest.mark.parametrize(
    ("block", "branches"),
    [
        (norm.pre_norm, norm.pre_norm_branches),
        (norm.res_post_norm, norm.res_post_norm_branches),
    ],
)
@pytest.mark.parametrize("depth", [1, 5, 12])
def test_stream_is_the_input_and_the_sum_of_its_branches(
    depth: int, block: Callable[..., torch.Tensor], branches: Callable[..., torch.Tensor]
) -> None:
    x = draw(2, D)
    sublayers = [sublayer(index) for index in range(depth)]
    norms = [learned(index) for index in range(depth)]
    last = x
    for inner, given in zip(sublayers, norms, strict=True):
        last = block(last, inner, given)
    added = branches(x, sublayers, norms)
    assert added.shape == (depth, 2, D)
    torch.testing.assert_close(x + added.sum(0), last)


@pytest.mark.parametrize("depth", [1, 5, 12])
@pytest.mark.parametrize("block", BLOCKS)
def test_depth_recursion_is_autograds_jacobian(
    block: Callable[..., torch.Tensor], depth: int
) -> None:
    x0 = draw(D)
    sublayers = [sublayer(index) for index in range(depth)]
    norms = [learned(index) for index in range(depth)]
    of_norm, of_sublayer, x = [], [], x0
    for inner, given in zip(sublayers, norms, strict=True):
        normed_at = {norm.post_norm: x + inner(x), norm.pre_norm: x, norm.res_post_norm: inner(x)}[
            block
        ]
        of_norm.append(norm.layer_norm_jacobian(normed_at, given))
        inner_at = norm.layer_norm(x, given) if block is norm.pre_norm else x
        of_sublayer.append(jacrev(inner)(inner_at))
        x = block(x, inner, given)

    def stack(value: torch.Tensor) -> torch.Tensor:
        for inner, given in zip(sublayers, norms, strict=True):
            value = block(value, inner, given)
        return value

    recursion = {
        norm.post_norm: norm.post_norm_jacobian,
        norm.pre_norm: norm.pre_norm_jacobian,
        norm.res_post_norm: norm.res_post_norm_jacobian,
    }[block]
    ours = recursion(torch.stack(of_norm), torch.stack(of_sublayer))
    torch.testing.assert_close(ours, jacrev(stack)(x0), rtol=1e-9, atol=1e-12)


def test_different_numbers_of_norms_and_sublayers_are_refused() -> None:
    for branches in (norm.pre_norm_branches, norm.res_post_norm_branches):
        with pytest.raises(ValueError, match="shorter"):
            branches(draw(D), [sublayer(0), sublayer(1)], [learned()])
