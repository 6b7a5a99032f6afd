"""What the checks of aae compare with, against torch and autograd."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from assignments.aae.definitions import (
    autoencoder_slopes,
    autoencoder_terms,
    discriminator_slopes,
    discriminator_terms,
    logit_pairs,
    loss_inputs,
)
from assignments.aae.networks import SMALL, autoencoder_gradients
from assignments.aae.step_checks import vectors
from reference import aae


def test_no_logit_is_zero() -> None:
    for pair in logit_pairs():
        assert (pair.logits_real != 0).all()
        assert (pair.logits_fake != 0).all()
    for given in loss_inputs():
        assert (given.logits_fake != 0).all()
        assert (SMALL.losses(vectors()[0], 0.5).logits_fake != 0).all()


def test_terms_by_definition_are_those_of_torch() -> None:
    for pair in logit_pairs():
        real, fake = map(torch.from_numpy, pair)
        on_real = F.binary_cross_entropy_with_logits(real.double(), torch.ones_like(real).double())
        on_fake = F.binary_cross_entropy_with_logits(fake.double(), torch.zeros_like(fake).double())
        found = [float(term.value) for term in discriminator_terms(pair)]
        assert found == pytest.approx([float(on_real + on_fake), float(on_real), float(on_fake)])
    for given in loss_inputs():
        x, recon_x = (torch.from_numpy(part).double() for part in given[:2])
        assert float(autoencoder_terms(given)[1].value) == pytest.approx(
            float(F.mse_loss(recon_x, x))
        )


def test_slopes_by_definition_are_those_of_autograd() -> None:
    given = loss_inputs()[-1]
    x, recon_x, logits = (torch.from_numpy(part).double().requires_grad_() for part in given[:3])
    total = aae.autoencoder_loss(x, recon_x, logits, given.reconstruction_weight).total
    for found, right in zip(
        autoencoder_slopes(given), torch.autograd.grad(total, (recon_x, logits)), strict=True
    ):
        assert found.value == pytest.approx(right.numpy())
    pair = logit_pairs()[-1]
    real, fake = (torch.from_numpy(part).double().requires_grad_() for part in pair)
    slopes = torch.autograd.grad(aae.discriminator_loss(real, fake).total, (real, fake))
    for found, right in zip(discriminator_slopes(pair), slopes, strict=True):
        assert found.value == pytest.approx(right.numpy())


def test_products_of_matrices_are_the_gradients_of_autograd() -> None:
    data, _ = vectors()
    modules = []
    for layer in SMALL:
        module = torch.nn.Linear(*layer.weight.shape[::-1])
        module.load_state_dict(
            {key: torch.from_numpy(value) for key, value in layer._asdict().items()}
        )
        modules.append(module)
    encoder, decoder, discriminator = modules
    losses = aae.autoencoder_step_loss(
        encoder, decoder, discriminator, torch.from_numpy(data), 0.75
    )
    losses.total.backward()  # type: ignore[no-untyped-call]
    slopes = autoencoder_slopes(SMALL.losses(data, 0.75))
    expected = autoencoder_gradients(SMALL, data, *slopes)
    for name, module in zip(("encoder", "decoder"), modules, strict=False):
        assert module.weight.grad is not None
        assert module.bias.grad is not None
        weight, bias = expected[name]
        assert module.weight.grad.numpy() == pytest.approx(weight.value, abs=1e-6)
        assert module.bias.grad.numpy() == pytest.approx(bias.value, abs=1e-6)
