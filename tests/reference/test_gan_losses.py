"""Objective, losses and their gradients against torch's cross-entropy and autograd."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from reference import gan_losses


def draw(*shape: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64)


def test_objective_and_losses_are_binary_cross_entropies() -> None:
    z_real, z_fake = draw(5, 1), draw(8, 1, seed=1)
    bce = F.binary_cross_entropy_with_logits
    expected = -bce(z_real, torch.ones_like(z_real)) - bce(z_fake, torch.zeros_like(z_fake))
    torch.testing.assert_close(gan_losses.discriminator_objective(z_real, z_fake), expected)
    expected = bce(z_fake, torch.ones_like(z_fake))
    torch.testing.assert_close(gan_losses.generator_loss(z_fake, "non-saturating"), expected)
    expected = -bce(z_fake, torch.zeros_like(z_fake))
    torch.testing.assert_close(gan_losses.generator_loss(z_fake, "saturating"), expected)


def test_gradients_of_the_output_are_autograds() -> None:
    z_real, z_fake = draw(5, 1).requires_grad_(), draw(8, 1, seed=1).requires_grad_()
    p_real, p_fake = z_real.sigmoid(), z_fake.sigmoid()
    objective = p_real.log().mean() + (1 - p_fake).log().mean()
    expected = torch.autograd.grad(objective, [p_real, p_fake, z_real, z_fake])
    with torch.no_grad():
        ours = [
            *gan_losses.probability_gradients(p_real, p_fake),
            *gan_losses.output_gradients(z_real, z_fake),
        ]
    torch.testing.assert_close(ours, list(expected))
