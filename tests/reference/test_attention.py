"""Attention against torch's own, its symmetries, and a band for the window."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from diffusers.models.embeddings import get_timestep_embedding
from torch.utils.flop_counter import FlopCounterMode

from reference import attention


def draw(*shape: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64)


Q, K, V = draw(2, 3, 5, 4), draw(2, 3, 7, 4, seed=1), draw(2, 3, 7, 6, seed=2)
OPEN = draw(5, 7, seed=3) > -0.5
MASKS = {"none": None, "boolean": OPEN, "additive": draw(3, 5, 7, seed=4)}


@pytest.mark.parametrize("mask", MASKS.values(), ids=MASKS.keys())
def test_scaled_dot_product_is_torchs(mask: torch.Tensor | None) -> None:
    expected = F.scaled_dot_product_attention(Q, K, V, mask)
    torch.testing.assert_close(attention.scaled_dot_product(Q, K, V, mask), expected)


def test_gradients_are_those_of_torchs_attention() -> None:
    inputs = [tensor.clone().requires_grad_() for tensor in (Q, K, V)]
    cotangent = draw(2, 3, 5, 6, seed=5)
    ours = torch.autograd.grad(attention.scaled_dot_product(*inputs, OPEN), inputs, cotangent)
    theirs = F.scaled_dot_product_attention(*inputs, OPEN)
    torch.testing.assert_close(ours, torch.autograd.grad(theirs, inputs, cotangent))


def test_weights_sum_to_one_over_keys_and_vanish_where_closed() -> None:
    weights = attention.attention_weights(Q, K, OPEN)
    torch.testing.assert_close(weights.sum(-1), torch.ones(2, 3, 5).double())
    assert (weights[..., ~OPEN] == 0).all()
    assert (weights[..., OPEN] > 0).all()


def test_scores_are_divided_by_the_root_of_the_key_size() -> None:
    q = torch.full((1, 16), 1.0).double()
    k = torch.stack([torch.zeros(16), torch.full((16,), 0.25)]).double()
    # q k^T is 0 and 4; divided by sqrt(16) the odds are e.
    odds = attention.attention_weights(q, k)[0]
    assert (odds[1] / odds[0]).item() == pytest.approx(math.e, rel=1e-12)


def test_order_of_keys_does_not_matter_and_order_of_queries_is_kept() -> None:
    shuffle, turn = torch.randperm(7, generator=torch.Generator().manual_seed(0)), [4, 2, 0, 1, 3]
    straight = attention.scaled_dot_product(Q, K, V)
    keys_moved = attention.scaled_dot_product(Q, K[:, :, shuffle], V[:, :, shuffle])
    torch.testing.assert_close(keys_moved, straight)
    torch.testing.assert_close(
        attention.scaled_dot_product(Q[:, :, turn], K, V), straight[:, :, turn]
    )


@pytest.mark.parametrize("mask", [torch.zeros(5, 7).bool(), torch.full((5, 7), -math.inf)])
def test_query_without_keys_is_refused(mask: torch.Tensor) -> None:
    with pytest.raises(ValueError, match="without any key"):
        attention.scaled_dot_product(Q, K, V, mask)


def test_causal_mask_is_torchs_causal_attention() -> None:
    mask = attention.causal_mask(7)
    assert mask.tolist() == np.tri(7, dtype=bool).tolist()
    expected = F.scaled_dot_product_attention(K, K, V, is_causal=True)
    torch.testing.assert_close(attention.scaled_dot_product(K, K, V, mask), expected)


def test_heads_take_consecutive_features_and_merge_back() -> None:
    x = draw(2, 5, 12)
    heads = attention.split_heads(x, 3)
    assert heads.shape == (2, 3, 5, 4)
    assert torch.equal(heads[1, 2, 4], x[1, 4, 8:12])
    assert torch.equal(attention.merge_heads(heads), x)


def test_heads_that_do_not_divide_the_features_are_refused() -> None:
    with pytest.raises(ValueError, match="give a divisor"):
        attention.split_heads(draw(2, 5, 12), 5)


@pytest.mark.parametrize("heads", [1, 2, 4])
def test_multi_head_is_torchs_module(heads: int) -> None:
    peer = torch.nn.MultiheadAttention(8, heads, batch_first=True, dtype=torch.float64)
    with torch.no_grad():
        peer.in_proj_bias.copy_(draw(24))
        peer.out_proj.bias.copy_(draw(8, seed=1))
    query, key, value = peer.in_proj_weight.detach().chunk(3)
    biases = peer.in_proj_bias.detach().chunk(3)
    projections = attention.Projections(
        query,
        biases[0],
        key,
        biases[1],
        value,
        biases[2],
        peer.out_proj.weight.detach(),
        peer.out_proj.bias.detach(),
    )
    queries, keys, values = draw(2, 5, 8), draw(2, 7, 8, seed=1), draw(2, 7, 8, seed=2)
    expected, _ = peer(queries, keys, values, attn_mask=~OPEN)
    ours = attention.multi_head(queries, keys, values, projections, heads, OPEN)
    torch.testing.assert_close(ours, expected.detach())


def test_additive_alignment_is_its_sum_written_out() -> None:
    states, annotations = draw(2, 3, 4), draw(2, 5, 6, seed=1)
    of_state, of_annotation, direction = draw(7, 4, seed=2), draw(7, 6, seed=3), draw(7, seed=4)
    scores = attention.additive_scores(states, annotations, of_state, of_annotation, direction)
    joint = np.concatenate([of_state, of_annotation], axis=1)
    for batch, i, j in np.ndindex(2, 3, 5):
        both = np.concatenate([states[batch, i], annotations[batch, j]])
        expected = direction.numpy() @ np.tanh(joint @ both)
        assert scores[batch, i, j].item() == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("mask", [None, OPEN[:3, :5]])
def test_additive_context_is_the_mean_of_annotations_under_the_softmax(
    mask: torch.Tensor | None,
) -> None:
    scores, annotations = draw(2, 3, 5), draw(2, 5, 6, seed=1)
    closed = torch.zeros(3, 5).bool() if mask is None else ~mask
    weights = scores.exp() * ~closed
    expected = (weights / weights.sum(-1, keepdim=True)) @ annotations
    torch.testing.assert_close(attention.additive(scores, annotations, mask), expected)


@pytest.mark.parametrize("reach", [0, 1, 3, 10])
def test_window_is_full_attention_under_a_band(reach: int) -> None:
    distance = (torch.arange(7).unsqueeze(1) - torch.arange(7)).abs()
    expected = F.scaled_dot_product_attention(K, K + 1, V, distance <= reach)
    torch.testing.assert_close(attention.windowed(K, K + 1, V, reach), expected)


def test_window_of_negative_reach_is_refused() -> None:
    with pytest.raises(ValueError, match="0 or more"):
        attention.windowed(K, K, V, -1)


def test_window_costs_operations_linear_in_the_length() -> None:
    def flops(length: int) -> int:
        x = torch.zeros(1, length, 4)
        with FlopCounterMode(display=False) as counter:
            attention.windowed(x, x, x, 2)
        return counter.get_total_flops()

    assert flops(64) == 2 * flops(32) > 0


def test_sinusoidal_positions_are_those_of_diffusers() -> None:
    expected = get_timestep_embedding(torch.arange(6), 8, downscale_freq_shift=0)
    found = reference_halves(attention.sinusoidal_positions(6, 8))
    torch.testing.assert_close(found, expected.double(), rtol=1e-6, atol=1e-6)


def reference_halves(table: torch.Tensor) -> torch.Tensor:
    """All sines before all cosines."""
    return torch.cat([table[:, 0::2], table[:, 1::2]], dim=1)


def test_an_odd_number_of_features_is_refused() -> None:
    with pytest.raises(ValueError, match="no pairs"):
        attention.sinusoidal_positions(3, 5)
