"""The decoder block against torch's modules, rotary positions against complex numbers."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from diffusers.models.embeddings import apply_rotary_emb, get_1d_rotary_pos_embed

from reference import decoder_block

D, HEADS, LENGTH = 8, 2, 5


def draw(*shape: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64)


PARAMETERS = decoder_block.BlockParameters(
    attention_gain=draw(D, seed=1),
    joint_weight=draw(3 * D, D, seed=2),
    joint_bias=draw(3 * D, seed=3),
    output_weight=draw(D, D, seed=4),
    output_bias=draw(D, seed=5),
    feed_forward_gain=draw(D, seed=6),
    up_weight=draw(4 * D, D, seed=7),
    up_bias=draw(4 * D, seed=8),
    down_weight=draw(D, 4 * D, seed=9),
    down_bias=draw(D, seed=10),
)
ANGLES = decoder_block.rotary_angles(LENGTH, D // HEADS)


def test_angles_and_rotation_are_those_of_diffusers() -> None:
    x = draw(2, 3, LENGTH, 6)
    angles = decoder_block.rotary_angles(LENGTH, 6)
    turns = get_1d_rotary_pos_embed(6, LENGTH, freqs_dtype=torch.float64, use_real=True)
    expected = apply_rotary_emb(x, turns)
    torch.testing.assert_close(
        decoder_block.apply_rotary(x, angles), expected.double(), rtol=1e-5, atol=1e-6
    )


def test_rotation_is_a_product_of_complex_numbers_and_keeps_norms() -> None:
    x = draw(2, 3, LENGTH, 6)
    angles = decoder_block.rotary_angles(LENGTH, 6)
    turned = torch.view_as_complex(x.unflatten(-1, (3, 2))) * torch.exp(1j * angles)
    ours = decoder_block.apply_rotary(x, angles)
    torch.testing.assert_close(ours, torch.view_as_real(turned).flatten(-2))
    torch.testing.assert_close(ours.norm(dim=-1), x.norm(dim=-1))


def test_scores_of_turned_vectors_depend_on_their_distance_only() -> None:
    angles = decoder_block.rotary_angles(20, 6)
    q, k = draw(6).expand(20, 6), draw(6, seed=1).expand(20, 6)
    scores = decoder_block.apply_rotary(q, angles) @ decoder_block.apply_rotary(k, angles).T
    for distance in range(-19, 20):
        diagonal = scores.diagonal(distance)
        torch.testing.assert_close(diagonal, diagonal[:1].expand_as(diagonal))
    assert (scores[0, 1:] - scores[0, :-1]).abs().min() > 1e-6


def test_head_of_odd_size_is_refused() -> None:
    with pytest.raises(ValueError, match="even size"):
        decoder_block.rotary_angles(4, 5)


def test_causal_self_attention_is_torchs_module() -> None:
    peer = torch.nn.MultiheadAttention(D, HEADS, batch_first=True, dtype=torch.float64)
    peer.load_state_dict(
        {
            "in_proj_weight": PARAMETERS.joint_weight,
            "in_proj_bias": PARAMETERS.joint_bias,
            "out_proj.weight": PARAMETERS.output_weight,
            "out_proj.bias": PARAMETERS.output_bias,
        }
    )
    x = draw(2, LENGTH, D)
    later = torch.ones(LENGTH, LENGTH).triu(1).bool()
    expected, _ = peer(x, x, x, attn_mask=later)
    ours = decoder_block.causal_self_attention(x, PARAMETERS, HEADS)
    torch.testing.assert_close(ours, expected.detach())


def test_feed_forward_is_torchs_modules() -> None:
    x = draw(2, LENGTH, D)
    up = torch.nn.Linear(D, 4 * D, dtype=torch.float64)
    down = torch.nn.Linear(4 * D, D, dtype=torch.float64)
    up.load_state_dict({"weight": PARAMETERS.up_weight, "bias": PARAMETERS.up_bias})
    down.load_state_dict({"weight": PARAMETERS.down_weight, "bias": PARAMETERS.down_bias})
    expected = torch.nn.Sequential(up, torch.nn.GELU(), down)(x).detach()
    torch.testing.assert_close(decoder_block.feed_forward(x, PARAMETERS), expected)


def test_block_is_two_residual_branches_behind_torchs_norm() -> None:
    x = draw(2, LENGTH, D)
    normed = F.rms_norm(x, (D,), PARAMETERS.attention_gain, 1e-6)
    middle = x + decoder_block.causal_self_attention(normed, PARAMETERS, HEADS, ANGLES)
    normed = F.rms_norm(middle, (D,), PARAMETERS.feed_forward_gain, 1e-6)
    expected = middle + decoder_block.feed_forward(normed, PARAMETERS)
    ours = decoder_block.decoder_block(x, PARAMETERS, HEADS, ANGLES)
    torch.testing.assert_close(ours, expected)


@pytest.mark.parametrize("angles", [None, ANGLES])
def test_nothing_flows_back_from_later_positions(angles: torch.Tensor | None) -> None:
    x = draw(LENGTH, D)
    jacobian = torch.autograd.functional.jacobian(
        lambda value: decoder_block.decoder_block(value, PARAMETERS, HEADS, angles).sum(-1), x
    )
    reached = jacobian.abs().sum(-1) > 0  # (output, input)
    assert reached.tolist() == torch.ones(LENGTH, LENGTH).tril().bool().tolist()


def test_positions_matter_only_with_angles() -> None:
    x = draw(LENGTH, D)
    turned = x[[2, 0, 1, 3, 4]]
    for angles, same in ((None, True), (ANGLES, False)):
        straight = decoder_block.decoder_block(x, PARAMETERS, HEADS, angles)[-1]
        moved = decoder_block.decoder_block(turned, PARAMETERS, HEADS, angles)[-1]
        assert torch.allclose(straight, moved) is same
