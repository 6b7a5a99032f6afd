from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy import special, stats

from reference.vae_networks import Autoencoder, bernoulli_mlp, categorical_cnn


def images_of(levels: int, side: int, count: int = 6) -> torch.Tensor:
    draw = torch.Generator().manual_seed(3)
    return torch.randint(levels, (count, 1, side, side), generator=draw).byte()


def noise_for(images: torch.Tensor, latent: int = 20) -> torch.Tensor:
    return torch.randn(len(images), latent, generator=torch.Generator().manual_seed(4))


@pytest.mark.parametrize("side", [8, 9, 14, 28])
def test_the_cnn_comes_back_to_images_of_any_side(side: int) -> None:
    network = categorical_cnn(side, width=4)
    mean, log_std = network.encode(images_of(16, side))
    assert mean.shape == log_std.shape == (6, 20)
    assert network.decoder(mean).shape == (6, 16, side, side)


def test_both_networks_know_nothing_before_training() -> None:
    torch.manual_seed(0)
    for network, levels in ((categorical_cnn(28), 16), (bernoulli_mlp(28), 2)):
        images = images_of(levels, 28)
        nats = network.negative_elbo(images, noise_for(images)).mean().item()
        # Of the images log2(levels) bits a pixel, and a little for latents that say nothing yet.
        assert nats / math.log(2) / 784 == pytest.approx(math.log2(levels), abs=0.1)


def test_the_bound_of_the_categorical_model_is_the_written_out_one() -> None:
    torch.manual_seed(1)
    network = categorical_cnn(8, width=4)
    images = images_of(16, 8)
    noise = noise_for(images)
    mean, log_std = (part.detach().double().numpy() for part in network.encode(images))
    z = torch.from_numpy(mean + np.exp(log_std) * noise.numpy()).float()
    log_p = special.log_softmax(network.decoder(z).detach().double().numpy(), axis=1)
    chosen = [
        [log_p[b, images[b, 0, i, j], i, j] for i in range(8) for j in range(8)] for b in range(6)
    ]
    kl = (np.exp(2 * log_std) + mean**2 - 1 - 2 * log_std).sum(axis=1) / 2
    expected = kl - np.sum(chosen, axis=1)
    assert network.negative_elbo(images, noise).tolist() == pytest.approx(expected, rel=1e-5)


def test_the_bound_of_the_bernoulli_model_is_the_written_out_one() -> None:
    torch.manual_seed(1)
    network = bernoulli_mlp(8, width=16)
    images = images_of(2, 8)
    noise = noise_for(images)
    mean, log_std = (part.detach().double() for part in network.encode(images))
    logits = network.decoder((mean + log_std.exp() * noise).float()).detach().double()
    log_p = stats.bernoulli(special.expit(logits.numpy())).logpmf(images.numpy())
    kl = (torch.exp(2 * log_std) + mean**2 - 1 - 2 * log_std).sum(dim=1) / 2
    expected = kl.numpy() - log_p.sum(axis=(1, 2, 3))
    assert network.negative_elbo(images, noise).tolist() == pytest.approx(expected, rel=1e-5)


def test_black_and_white_reach_the_encoder_as_minus_one_and_one() -> None:
    def shown(levels: int) -> list[float]:
        network = Autoencoder(torch.nn.Flatten(), torch.nn.Identity(), levels)
        mean, log_std = network.encode(torch.tensor([[[[0, levels - 1]]]]))
        return [mean.item(), log_std.item()]

    assert shown(16) == shown(2) == [-1, 1]


def test_every_parameter_learns_from_the_bound() -> None:
    for network, levels in ((categorical_cnn(8, width=4), 16), (bernoulli_mlp(8, width=16), 2)):
        images = images_of(levels, 8)
        network.negative_elbo(images, noise_for(images)).mean().backward()  # type: ignore[no-untyped-call]
        assert all(p.grad is not None and bool(p.grad.any()) for p in network.parameters())
