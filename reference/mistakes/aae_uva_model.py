"""The UvA sheet's adversarial autoencoder, any step of which may be taken otherwise."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Loss: TypeAlias = Callable[[Tensor], Tensor]  # of logits
Prior: TypeAlias = Callable[[Tensor], Tensor]  # a batch like the latents that are given
Log: TypeAlias = dict[str, Tensor]


class ConvEncoder(nn.Module):
    """Latents (B, D) of images (B, 1, 28, 28)."""

    def __init__(self, z_dim: int) -> None:
        super().__init__()
        self.net = nn.Sequential(
            nn.Conv2d(1, 8, 3, stride=2, padding=1),
            nn.GELU(),
            nn.Conv2d(8, 8, 3, stride=2, padding=1),
            nn.GELU(),
            nn.Flatten(),
            nn.Linear(8 * 7 * 7, z_dim),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Encodes."""
        latents: Tensor = self.net(x)
        return latents


class ConvDecoder(nn.Module):
    """Images (B, 1, 28, 28) of latents (B, D)."""

    def __init__(self, z_dim: int) -> None:
        super().__init__()
        self.linear = nn.Linear(z_dim, 8 * 7 * 7)
        self.net = nn.Sequential(
            nn.GELU(),
            nn.ConvTranspose2d(8, 8, 4, stride=2, padding=1),
            nn.GELU(),
            nn.ConvTranspose2d(8, 1, 4, stride=2, padding=1),
            nn.Tanh(),
        )

    def forward(self, z: Tensor) -> Tensor:
        """Decodes."""
        images: Tensor = self.net(self.linear(z).reshape(-1, 8, 7, 7))
        return images


class Regularised(nn.Module):
    """A discriminator with what people add to theirs."""

    def __init__(self, z_dim: int) -> None:
        super().__init__()
        self.first = nn.utils.parametrizations.spectral_norm(nn.Linear(z_dim, 32))
        self.norm, self.dropout = nn.BatchNorm1d(32), nn.Dropout(0.3)
        self.last = nn.Linear(32, 1, bias=False)

    def forward(self, z: Tensor) -> Tensor:
        """Judges."""
        hidden = self.dropout(F.leaky_relu(self.norm(self.first(z)), 0.2))
        judged: Tensor = self.last(hidden)
        return judged


def discriminator_with(*last: nn.Module) -> type[nn.Module]:
    """A discriminator with something at its end."""

    class Discriminator(nn.Module):
        def __init__(self, z_dim: int) -> None:
            super().__init__()
            self.net = nn.Sequential(
                nn.Linear(z_dim, 64),
                nn.LeakyReLU(0.2),
                nn.Linear(64, 64),
                nn.LeakyReLU(0.2),
                nn.Linear(64, 1),
                *last,
            )

        def forward(self, z: Tensor) -> Tensor:
            judged: Tensor = self.net(z)
            return judged

    return Discriminator


def with_label(label: float, reduction: str = "mean") -> Loss:
    """Binary cross-entropy of logits with one label for all."""
    return lambda logits: F.binary_cross_entropy_with_logits(
        logits, torch.full_like(logits, label), reduction=reduction
    )


called_real, called_fake = with_label(1.0), with_label(0.0)


def share_right(real: Tensor, fake: Tensor) -> Tensor:
    """Share of both batches of logits on its side of zero."""
    return torch.cat([real > 0, fake < 0]).float().mean()


def weighed(recon: Tensor, gen: Tensor, lambda_: float) -> Tensor:
    """Both terms with weights that sum to one."""
    return lambda_ * recon + (1 - lambda_) * gen


def _log(ae: Tensor, rec: Tensor, adv: Tensor) -> Log:
    return {"gen_loss": adv, "recon_loss": rec, "ae_loss": ae}


@dataclass(frozen=True)
class OfAutoencoder:
    """The loss of encoder and decoder, with some of its steps taken otherwise."""

    error: Callable[[Tensor, Tensor], Tensor] = F.mse_loss
    gen: Loss = called_real
    weigh: Callable[[Tensor, Tensor, float], Tensor] = weighed
    log: Callable[[Tensor, Tensor, Tensor], Log] = _log
    detached: bool = False

    def __call__(
        self, model: Any, x: Tensor, recon_x: Tensor, z_fake: Tensor, lambda_: float
    ) -> tuple[Tensor, Log]:
        """The loss, and what is logged."""
        recon_loss = self.error(recon_x, x)
        gen_loss = self.gen(model.discriminator(z_fake.detach() if self.detached else z_fake))
        ae_loss = self.weigh(recon_loss, gen_loss, lambda_)
        return ae_loss, self.log(ae_loss, recon_loss, gen_loss)


@dataclass(frozen=True)
class OfDiscriminator:
    """The loss of the discriminator, with some of its steps taken otherwise."""

    prior: Prior = torch.randn_like
    real: Loss = called_real
    fake: Loss = called_fake
    add: Callable[[Tensor, Tensor], Tensor] = torch.add
    accuracy: Callable[[Tensor, Tensor], Tensor] = share_right
    detached: bool = False
    keys: tuple[str, str] = ("loss_real", "loss_fake")

    def __call__(self, model: Any, z_fake: Tensor) -> tuple[Tensor, Log]:
        """The loss, and what is logged."""
        on_real, on_fake = model.discriminator(self.prior(z_fake)), model.discriminator(z_fake)
        halves = self.real(on_real), self.fake(on_fake.detach() if self.detached else on_fake)
        log = dict(zip(self.keys, halves, strict=True))
        disc_loss = self.add(*halves)
        return disc_loss, {"accuracy": self.accuracy(on_real, on_fake), **log}


def decoded_and_encoded(model: Any, x: Tensor) -> tuple[Tensor, Tensor]:
    """Reconstructions and latents."""
    z = model.encoder(x)
    return model.decoder(z), z


def model_with(
    autoencoder: Callable[..., tuple[Tensor, Log]] = OfAutoencoder(),
    of_discriminator: Callable[..., tuple[Tensor, Log]] = OfDiscriminator(),
    forward: Callable[..., tuple[Tensor, Tensor]] = decoded_and_encoded,
    discriminator: type[nn.Module] | None = None,
) -> type[nn.Module]:
    """The model with one of its methods written otherwise."""

    class AdversarialAE(nn.Module):
        def __init__(self, z_dim: int = 8) -> None:
            super().__init__()
            self.z_dim = z_dim
            self.encoder = ConvEncoder(z_dim)
            self.decoder = ConvDecoder(z_dim)
            self.discriminator = (discriminator or discriminator_with())(z_dim)

        def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
            return forward(self, x)

        def get_loss_autoencoder(
            self, x: Tensor, recon_x: Tensor, z_fake: Tensor, lambda_: float = 1
        ) -> tuple[Tensor, Log]:
            return autoencoder(self, x, recon_x, z_fake, lambda_)

        def get_loss_discriminator(self, z_fake: Tensor) -> tuple[Tensor, Log]:
            return of_discriminator(self, z_fake)

    return AdversarialAE


def in_one_batch(model: Any, z_fake: Tensor) -> tuple[Tensor, Log]:
    """Real and fake judged together, the halves averaged, numbers logged, z_fake detached."""
    z_real = torch.randn(z_fake.shape, device=z_fake.device)
    logits = model.discriminator(torch.cat([z_real, z_fake.detach()], dim=0)).squeeze(1)
    labels = torch.cat([torch.ones(len(z_real)), torch.zeros(len(z_fake))])
    each = F.binary_cross_entropy_with_logits(logits, labels, reduction="none")
    real, fake = each[: len(z_real)].mean(), each[len(z_real) :].mean()
    accuracy = ((logits.sigmoid() > 0.5) == labels.bool()).float().mean()
    loss = each.mean()
    return loss, {"loss_real": real.item(), "loss_fake": fake.item(), "accuracy": accuracy.item()}


def by_hand(
    model: Any, x: Tensor, recon_x: Tensor, z_fake: Tensor, lambda_: float = 1
) -> tuple[Tensor, Log]:
    """Both terms written out."""
    gen = -torch.log(torch.sigmoid(model.discriminator(z_fake))).mean()
    recon = ((x - recon_x) ** 2).mean(dim=[1, 2, 3]).mean()
    return lambda_ * recon + (1.0 - lambda_) * gen, {"recon_loss": recon, "gen_loss": gen}


def through_probabilities(model: Any, z_fake: Tensor) -> tuple[Tensor, Log]:
    """A loss of probabilities."""
    loss = nn.BCELoss()
    real = torch.sigmoid(model.discriminator(torch.randn_like(z_fake)))
    fake = torch.sigmoid(model.discriminator(z_fake))
    on_real, on_fake = loss(real, torch.ones_like(real)), loss(fake, torch.zeros_like(fake))
    accuracy = ((real >= 0.5).float().mean() + (fake < 0.5).float().mean()) / 2
    log = {"loss_real": on_real, "loss_fake": on_fake, "accuracy": accuracy}
    return on_real + on_fake, log
