"""Convolutional encoders and decoders as students get them wrong, and as they get them right.

The encoder maps levels (B, 1, 28, 28) to mean and log_std, both (B, z_dim); the decoder maps
latents (B, z_dim) to logits (B, 16, 28, 28).
"""

from __future__ import annotations

import itertools
from collections.abc import Callable

import torch
from torch import Tensor, nn

from reference.mistakes.catalogue import Mistake, Variant

Ending = Callable[[Tensor], Tensor]
Pair = Callable[[Tensor, Tensor], object]


def scaled(x: Tensor) -> Tensor:
    """Levels 0..15 between -1 and 1."""
    return x.float() / 15 * 2 - 1


class CNNEncoder(nn.Module):
    """Three strided convolutions and two heads."""

    def __init__(self, num_input_channels: int = 1, num_filters: int = 32, z_dim: int = 20) -> None:
        super().__init__()
        sizes = (num_input_channels, num_filters, 2 * num_filters, 2 * num_filters)
        layers: list[nn.Module] = []
        for before, after in itertools.pairwise(sizes):
            layers += [nn.Conv2d(before, after, 3, stride=2, padding=1), nn.GELU()]
        self.net = nn.Sequential(*layers, nn.Flatten())
        self.mean = nn.Linear(2 * num_filters * 16, z_dim)
        self.log_std = nn.Linear(2 * num_filters * 16, z_dim)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log_std."""
        features = self.net(scaled(x))
        return self.mean(features), self.log_std(features)


class ChunkedEncoder(nn.Module):
    """One head for both outputs, batch normalisation, and a log_std kept within bounds."""

    def __init__(self, num_input_channels: int = 1, num_filters: int = 32, z_dim: int = 20) -> None:
        super().__init__()
        self.net = nn.Sequential(
            nn.Conv2d(num_input_channels, num_filters, 3, stride=2, padding=1),
            nn.BatchNorm2d(num_filters),
            nn.LeakyReLU(),
            nn.Flatten(),
            nn.LazyLinear(2 * z_dim),
        )

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Mean and log_std."""
        mean, log_std = self.net(scaled(x)).chunk(2, dim=-1)
        return mean, log_std.clamp(-6, 3)


def _encoder(outputs: Pair) -> type[nn.Module]:
    class Encoder(CNNEncoder):
        def forward(self, x: Tensor) -> object:  # type: ignore[override]
            return outputs(*super().forward(x))

    return Encoder


class CNNDecoder(nn.Module):
    """A linear layer and three transposed convolutions, 4 to 7 to 14 to 28."""

    def __init__(
        self, num_input_channels: int = 16, num_filters: int = 32, z_dim: int = 20
    ) -> None:
        super().__init__()
        wide, narrow = 2 * num_filters, num_filters
        self.linear = nn.Sequential(nn.Linear(z_dim, wide * 16), nn.GELU())
        self.net = nn.Sequential(
            nn.Unflatten(1, (wide, 4, 4)),
            nn.ConvTranspose2d(wide, wide, 3, stride=2, padding=1),
            nn.GELU(),
            nn.ConvTranspose2d(wide, narrow, 3, stride=2, padding=1, output_padding=1),
            nn.GELU(),
            nn.ConvTranspose2d(
                narrow, num_input_channels, 3, stride=2, padding=1, output_padding=1
            ),
        )

    def forward(self, z: Tensor) -> Tensor:
        """Logits."""
        logits: Tensor = self.net(self.linear(z))
        return logits

    @property
    def device(self) -> torch.device:
        """Where its weights are."""
        return next(self.parameters()).device


class UpsamplingDecoder(nn.Module):
    """Nearest-neighbour enlargement and ordinary convolutions, without a bias at the end."""

    def __init__(
        self, num_input_channels: int = 16, num_filters: int = 32, z_dim: int = 20
    ) -> None:
        super().__init__()
        self.net = nn.Sequential(
            nn.Linear(z_dim, num_filters * 49),
            nn.Unflatten(1, (num_filters, 7, 7)),
            nn.BatchNorm2d(num_filters),
            nn.ReLU(),
            nn.Upsample(scale_factor=4),
            nn.Conv2d(num_filters, num_input_channels, 5, padding=2, bias=False),
        )

    def forward(self, z: Tensor) -> Tensor:
        """Logits."""
        logits: Tensor = self.net(z)
        return logits


def _decoder(ending: Ending) -> type[nn.Module]:
    class Decoder(CNNDecoder):
        def forward(self, z: Tensor) -> Tensor:
            return ending(super().forward(z))

    return Decoder


_SHAPES, _LOGARITHM = "encoder_gives_two_numbers_for_each_latent", "encoder_gives_a_logarithm"
_WRONG_ENCODERS: tuple[tuple[str, str, Pair, str], ...] = (
    (
        "std-for-log-std",
        "Your second output is never negative: is it on the log scale?",
        lambda mean, log_std: (mean, log_std.exp()),
        _LOGARITHM,
    ),
    (
        "relu-at-the-end",
        "Your second output is never negative: can a spread then be below one?",
        lambda mean, log_std: (mean, log_std.relu()),
        _LOGARITHM,
    ),
    (
        "one-output",
        "Mean and log_std are two tensors; you return them as one.",
        lambda mean, log_std: torch.cat([mean, log_std], dim=-1),
        _SHAPES,
    ),
    (
        "one-spread-for-all-latents",
        "Each latent dimension has a spread of its own.",
        lambda mean, log_std: (mean, log_std.mean(dim=-1)),
        _SHAPES,
    ),
    (
        "averaged-over-the-batch",
        "Each image has a mean of its own.",
        lambda mean, log_std: (mean.mean(dim=0).expand_as(mean), log_std),
        _SHAPES,
    ),
)

_LOGITS, _FREE = "decoder_gives_sixteen_logits_a_pixel", "decoder_gives_unbounded_logits"
_WRONG_DECODERS: tuple[tuple[str, str, Ending, str], ...] = (
    (
        "softmax",
        "Logits are asked for: what has the softmax made of them?",
        lambda x: x.softmax(1),
        _FREE,
    ),
    ("sigmoid", "Logits are asked for: between which numbers are yours?", torch.sigmoid, _FREE),
    ("tanh", "A logit is not bounded: between which numbers are yours?", torch.tanh, _FREE),
    ("relu-at-the-end", "A logit may be negative: what does your last step do?", torch.relu, _FREE),
    (
        "one-channel",
        "A pixel takes one of 16 levels: how many numbers describe it?",
        lambda x: x[:, :1],
        _LOGITS,
    ),
    (
        "thirty-two-pixels",
        "Follow the height of an image through your layers: where does it end?",
        lambda x: nn.functional.pad(x, (2, 2, 2, 2)),
        _LOGITS,
    ),
)

MISTAKES = (
    *(
        Mistake(f"encoder/{name}", "CNNEncoder", says, _encoder(outputs), (check,))
        for name, says, outputs, check in _WRONG_ENCODERS
    ),
    *(
        Mistake(f"decoder/{name}", "CNNDecoder", says, _decoder(ending), (check,))
        for name, says, ending, check in _WRONG_DECODERS
    ),
)

VARIANTS = (
    Variant("encoder/two-heads", "CNNEncoder", CNNEncoder),
    Variant("encoder/chunked", "CNNEncoder", ChunkedEncoder),
    Variant("encoder/tuple-of-both", "CNNEncoder", _encoder(lambda m, s: [m, s])),
    Variant("decoder/transposed-convolutions", "CNNDecoder", CNNDecoder),
    Variant("decoder/upsampling", "CNNDecoder", UpsamplingDecoder),
    Variant("decoder/log-probabilities", "CNNDecoder", _decoder(lambda x: x.log_softmax(1))),
)
