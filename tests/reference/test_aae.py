"""The adversarial autoencoder's losses against torch's, and which parameters they reach."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from scipy import stats

from reference import aae


def draw(*shape: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64)


def linear(inputs: int, outputs: int, seed: int) -> torch.nn.Linear:
    layer = torch.nn.Linear(inputs, outputs, dtype=torch.float64)
    layer.load_state_dict(
        {"weight": draw(outputs, inputs, seed=seed), "bias": draw(outputs, seed=seed + 1)}
    )
    return layer


X = draw(6, 5)
ENCODER, DECODER, DISCRIMINATOR = linear(5, 2, 10), linear(2, 5, 20), linear(2, 1, 30)


def gradients(loss: torch.Tensor, module: torch.nn.Module) -> list[torch.Tensor]:
    parameters = list(module.parameters())
    found = torch.autograd.grad(loss, parameters, retain_graph=True, allow_unused=True)
    pairs = zip(found, parameters, strict=True)
    return [torch.zeros_like(p) if g is None else g for g, p in pairs]


def test_losses_are_torchs_on_logits() -> None:
    real, fake = draw(6, 1, seed=1), draw(6, 1, seed=2)
    ones, zeros = torch.ones(6, 1).double(), torch.zeros(6, 1).double()
    expected = F.binary_cross_entropy_with_logits(fake, ones)
    torch.testing.assert_close(aae.generator_loss(fake), expected)
    losses = aae.discriminator_loss(real, fake)
    torch.testing.assert_close(losses.real, F.binary_cross_entropy_with_logits(real, ones))
    torch.testing.assert_close(losses.fake, F.binary_cross_entropy_with_logits(fake, zeros))
    torch.testing.assert_close(losses.total, losses.real + losses.fake)
    recon = draw(6, 5, seed=3)
    torch.testing.assert_close(aae.reconstruction_loss(X, recon), F.mse_loss(recon, X))


def test_accuracy_counts_both_batches() -> None:
    real, fake = torch.tensor([[2.0], [-1.0], [3.0]]), torch.tensor([[-1.0], [-2.0], [-3.0]])
    assert aae.discriminator_loss(real, fake).accuracy.item() == pytest.approx(5 / 6)


def test_losses_stay_finite_at_extreme_logits() -> None:
    assert aae.generator_loss(torch.tensor([[-1e4]])).item() == 1e4
    assert aae.discriminator_loss(torch.tensor([[-1e4]]), torch.tensor([[1e4]])).total == 2e4


def test_total_weighs_its_terms() -> None:
    losses = aae.autoencoder_loss(X, draw(6, 5, seed=3), draw(6, 1, seed=2), 0.25)
    expected = 0.25 * losses.reconstruction + 0.75 * losses.adversarial
    torch.testing.assert_close(losses.total, expected)


@pytest.mark.parametrize("weight", [-0.1, 1.1, float("nan")])
def test_weight_that_is_no_share_is_refused(weight: float) -> None:
    with pytest.raises(ValueError, match="from 0 to 1"):
        aae.autoencoder_loss(X, X, draw(6, 1), weight)


def test_reconstruction_that_broadcasts_is_refused() -> None:
    with pytest.raises(ValueError, match="broadcasting"):
        aae.reconstruction_loss(X, X[:, :1])


def test_full_weight_is_exactly_the_autoencoder() -> None:
    losses = aae.autoencoder_step_loss(ENCODER, DECODER, DISCRIMINATOR, X, 1.0)
    alone = F.mse_loss(DECODER(ENCODER(X)), X)
    for module in (ENCODER, DECODER):
        torch.testing.assert_close(gradients(losses.total, module), gradients(alone, module))
    assert all((g == 0).all() for g in gradients(losses.total, DISCRIMINATOR))


def test_no_weight_is_exactly_the_generators_loss_and_leaves_the_decoder() -> None:
    losses = aae.autoencoder_step_loss(ENCODER, DECODER, DISCRIMINATOR, X, 0.0)
    alone = -F.logsigmoid(DISCRIMINATOR(ENCODER(X))).mean()
    torch.testing.assert_close(gradients(losses.total, ENCODER), gradients(alone, ENCODER))
    assert all((g == 0).all() for g in gradients(losses.total, DECODER))


def test_discriminator_step_reaches_the_discriminator_only() -> None:
    prior = draw(6, 2, seed=5)
    losses = aae.discriminator_step_loss(ENCODER, DISCRIMINATOR, X, prior)
    assert all((g == 0).all() for g in gradients(losses.total, ENCODER))
    value = torch.cat([DISCRIMINATOR(prior), DISCRIMINATOR(ENCODER(X).detach())])
    labels = torch.cat([torch.ones(6, 1), torch.zeros(6, 1)]).double()
    expected = 2 * F.binary_cross_entropy_with_logits(value, labels)
    torch.testing.assert_close(losses.total, expected)
    torch.testing.assert_close(
        gradients(losses.total, DISCRIMINATOR), gradients(expected, DISCRIMINATOR)
    )


def test_energy_distance_is_the_square_of_scipys() -> None:
    a, b = draw(40, 1), 0.5 + 2 * draw(30, 1, seed=1)
    expected = stats.energy_distance(a[:, 0], b[:, 0]) ** 2
    assert aae.energy_distance(a, b).item() == pytest.approx(expected, rel=1e-10)


def test_energy_distance_is_zero_at_itself_and_grows_with_a_shift() -> None:
    a = draw(30, 3)
    assert aae.energy_distance(a, a).item() == pytest.approx(0, abs=1e-14)
    near, far = (aae.energy_distance(a, a + shift).item() for shift in (0.1, 1.0))
    assert 0 < near < far


def test_energy_distance_between_two_points_is_twice_theirs() -> None:
    a, b = torch.zeros(1, 2).double(), torch.tensor([[3.0, 4.0]]).double()
    assert aae.energy_distance(a, b).item() == pytest.approx(10, rel=1e-15)
