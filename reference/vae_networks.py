"""The networks of the courses' variational autoencoders, and the bound that trains them.

Images are integers, levels 0 to K - 1 for the categorical model and 0 or 1 for Bernoulli's.
"""

from __future__ import annotations

from torch import Tensor, nn

from reference.distributions import (
    bernoulli_log_likelihood,
    categorical_log_likelihood,
    kl_to_unit_gaussian,
)
from reference.vae import elbo, reparameterized_sample

__all__ = ["Autoencoder", "bernoulli_mlp", "categorical_cnn"]


class Autoencoder(nn.Module):
    """A variational autoencoder with a Gaussian encoder.

    Attributes:
        encoder: scaled images (B, 1, H, W) to means and log_stds, (B, 2 D).
        decoder: latents (B, D) to logits, (B, K, H, W), or (B, 1, H, W) of Bernoulli pixels.
        levels: K; 2 for Bernoulli pixels.

    Source: Kingma and Welling 2014, section 3.
    """

    def __init__(self, encoder: nn.Module, decoder: nn.Module, levels: int):
        super().__init__()
        self.encoder, self.decoder, self.levels = encoder, decoder, levels

    def encode(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log_std of q(z | x), each (B, D), of images (B, 1, H, W)."""
        scaled = images * (2 / (self.levels - 1)) - 1
        mean, log_std = self.encoder(scaled).chunk(2, dim=1)
        return mean, log_std

    def negative_elbo(self, images: Tensor, noise: Tensor) -> Tensor:
        """Negative bound on log p(x) of images (B, 1, H, W), one noise (B, D) each: (B,), nats."""
        mean, log_std = self.encode(images)
        logits = self.decoder(reparameterized_sample(mean, log_std.exp(), noise))
        log_likelihood = (
            bernoulli_log_likelihood(logits, images.to(logits))
            if self.levels == 2
            else categorical_log_likelihood(logits, images.squeeze(1).long())
        )
        return -elbo(log_likelihood[None], kl_to_unit_gaussian(mean, log_std))


def categorical_cnn(side: int, levels: int = 16, latent: int = 20, width: int = 32) -> Autoencoder:
    """Strided convolutions down to an eighth of the side and back, GELU in between.

    Args:
        side: height and width of the images, at least 8.
        levels: grey levels, K.
        latent: size of z.
        width: channels at half the side; twice as many below.

    Source: the convolutional autoencoder of the UvA deep learning course; Lippe 2022, tutorial 9.
    """
    sides = [side]
    for _ in range(3):
        sides.append((sides[-1] + 1) // 2)
    flat = 2 * width * sides[3] ** 2
    encoder = nn.Sequential(
        *_halved(1, width),
        *_kept(width),
        *_halved(width, 2 * width),
        *_kept(2 * width),
        *_halved(2 * width, 2 * width),
        nn.Flatten(),
        nn.Linear(flat, 2 * latent),
    )
    decoder = nn.Sequential(
        nn.Linear(latent, flat),
        nn.GELU(),
        nn.Unflatten(1, (2 * width, sides[3], sides[3])),
        _doubled(2 * width, 2 * width, sides[3], sides[2]),
        nn.GELU(),
        *_kept(2 * width),
        _doubled(2 * width, width, sides[2], sides[1]),
        nn.GELU(),
        *_kept(width),
        _doubled(width, levels, sides[1], sides[0]),
    )
    return Autoencoder(encoder, decoder, levels)


def bernoulli_mlp(side: int, latent: int = 20, width: int = 512) -> Autoencoder:
    """One hidden layer each way, for images of zeros and ones.

    Args:
        side: height and width of the images.
        latent: size of z.
        width: of the hidden layers.

    Source: Kingma and Welling 2014, appendix C.
    """
    encoder = nn.Sequential(
        nn.Flatten(), nn.Linear(side**2, width), nn.ReLU(), nn.Linear(width, 2 * latent)
    )
    decoder = nn.Sequential(
        nn.Linear(latent, width),
        nn.ReLU(),
        nn.Linear(width, side**2),
        nn.Unflatten(1, (1, side, side)),
    )
    return Autoencoder(encoder, decoder, levels=2)


def _halved(inputs: int, outputs: int) -> tuple[nn.Module, nn.Module]:
    return nn.Conv2d(inputs, outputs, 3, stride=2, padding=1), nn.GELU()


def _kept(width: int) -> tuple[nn.Module, nn.Module]:
    return nn.Conv2d(width, width, 3, padding=1), nn.GELU()


def _doubled(inputs: int, outputs: int, side: int, wanted: int) -> nn.Module:
    missing = wanted - (2 * side - 1)
    return nn.ConvTranspose2d(inputs, outputs, 3, stride=2, padding=1, output_padding=missing)
