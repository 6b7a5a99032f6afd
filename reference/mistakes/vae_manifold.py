"""Figures of a two-dimensional latent space as students get them wrong, and as they get them right.

The decoder maps latents (B, 2) to logits (B, 16, H, W); the figure is one array
(grid_size * H, grid_size * W) that holds the mean image at every pair of percentiles.
"""

from __future__ import annotations

from collections.abc import Callable
from statistics import NormalDist

import torch
from torch import Tensor

from reference.mistakes.catalogue import Mistake, Variant

Decoder = Callable[[Tensor], Tensor]
Manifold = Callable[..., Tensor]
Picture = Callable[[Tensor], Tensor]


def _latents(percentiles: Tensor) -> Tensor:
    latents: Tensor = torch.special.ndtri(percentiles)
    return latents


def _percentiles(n: int) -> Tensor:
    return _latents((torch.arange(n) + 0.5) / n)


def _mean_image(logits: Tensor) -> Tensor:
    levels = torch.arange(logits.shape[1]).to(logits)
    return torch.einsum("bkhw,k->bhw", logits.softmax(dim=1), levels)


def _sampled_image(logits: Tensor) -> Tensor:
    probabilities = logits.softmax(dim=1).movedim(1, -1)  # (B, H, W, K)
    flat = torch.multinomial(probabilities.reshape(-1, logits.shape[1]), 1)
    return flat.reshape(probabilities.shape[:-1]).to(logits)


def _tiled(images: Tensor, grid_size: int) -> Tensor:
    _, height, width = images.shape
    tiles = images.reshape(grid_size, grid_size, height, width)
    return tiles.permute(0, 2, 1, 3).reshape(grid_size * height, grid_size * width)


def _figure(axis: Callable[[int], Tensor], picture: Picture = _mean_image) -> Manifold:
    def visualize_manifold(decoder: Decoder, grid_size: int = 20) -> Tensor:
        values = axis(grid_size)
        z = torch.cartesian_prod(values, values).float()
        return _tiled(picture(decoder(z)), grid_size)

    return visualize_manifold


def _diagonal(decoder: Decoder, grid_size: int = 20) -> Tensor:
    values = _percentiles(grid_size)
    z = torch.stack([values, values], dim=1).repeat_interleave(grid_size, dim=0)
    return _tiled(_mean_image(decoder(z)), grid_size)


def _one_axis(decoder: Decoder, grid_size: int = 20) -> Tensor:
    values = _percentiles(grid_size).repeat_interleave(grid_size)
    z = torch.stack([values, torch.zeros_like(values)], dim=1)
    return _tiled(_mean_image(decoder(z)), grid_size)


def _random(decoder: Decoder, grid_size: int = 20) -> Tensor:
    return _tiled(_mean_image(decoder(torch.randn(grid_size**2, 2))), grid_size)


def _all_planes(decoder: Decoder, grid_size: int = 20) -> Tensor:
    values = _percentiles(grid_size)
    return decoder(torch.cartesian_prod(values, values)).softmax(dim=1)


def _not_assembled(decoder: Decoder, grid_size: int = 20) -> Tensor:
    values = _percentiles(grid_size)
    images = _mean_image(decoder(torch.cartesian_prod(values, values)))
    return images.reshape(grid_size * images.shape[1], grid_size * images.shape[2])


# One row for each mistake: name, what a TA would say, the wrong function, what must catch it.
_GRID, _MEANS = ("manifold_walks_the_percentiles",), ("manifold_shows_means",)
_WRONG: tuple[tuple[str, str, Manifold, tuple[str, ...]], ...] = (
    (
        "even-in-z",
        "Your latents are evenly spaced: does each of them stand for equally much probability?",
        _figure(lambda n: torch.linspace(-3, 3, n)),
        _GRID,
    ),
    (
        "percentiles-as-z",
        "Your latents lie between 0 and 1: that is where percentiles live, not latents.",
        _figure(lambda n: (torch.arange(n) + 0.5) / n),
        _GRID,
    ),
    (
        "percentiles-from-0-to-1",
        "The first and last of your latents are infinite: which percentiles do you ask for?",
        _figure(lambda n: _latents(torch.linspace(0, 1, n))),
        _GRID,
    ),
    (
        "left-edges",
        "Your percentiles are not symmetric about one half.",
        _figure(lambda n: _latents(torch.arange(n) / n)),
        _GRID,
    ),
    (
        "right-edges",
        "Your percentiles are not symmetric about one half.",
        _figure(lambda n: _latents((torch.arange(n) + 1) / n)),
        _GRID,
    ),
    (
        "percentile-above-one",
        "One of your percentiles is above 1: does your count start at 0 or at 1?",
        _figure(lambda n: _latents((torch.arange(n) + 1.5) / n)),
        _GRID,
    ),
    (
        "n-plus-one-slices",
        "Cut the distribution into grid_size equally probable slices and take their middles.",
        _figure(lambda n: _latents((torch.arange(n) + 1) / (n + 1))),
        _GRID,
    ),
    (
        "cdf-for-ppf",
        "From percentile to latent: do you need the distribution function or its inverse?",
        _figure(lambda n: torch.special.ndtr((torch.arange(n) + 0.5) / n)),
        _GRID,
    ),
    (
        "diagonal",
        "Both latents always move together: the figure needs every pair.",
        _diagonal,
        _GRID,
    ),
    ("one-axis", "One of the two latents never moves.", _one_axis, _GRID),
    ("random-latents", "Calling your function twice draws two different figures.", _random, _GRID),
    (
        "samples",
        "The figure changes from call to call: show what the decoder expects, not a draw from it.",
        _figure(_percentiles, _sampled_image),
        _MEANS,
    ),
    (
        "most-likely-level",
        "You show the most likely level of a pixel; the sheet asks for its mean.",
        _figure(_percentiles, lambda logits: logits.argmax(dim=1).float()),
        _MEANS,
    ),
    (
        "sigmoid-of-a-logit",
        "Sixteen logits describe one pixel; you show one of them.",
        _figure(_percentiles, lambda logits: logits[:, 0].sigmoid()),
        _MEANS,
    ),
    (
        "not-assembled",
        "Rows of different images got mixed: how do whole images come to stand side by side?",
        _not_assembled,
        _MEANS,
    ),
    (
        "all-planes",
        "Sixteen planes came back for each image: combine them into one picture.",
        _all_planes,
        _MEANS,
    ),
)


def _one_by_one(decoder: Decoder, grid_size: int = 20) -> Tensor:
    normal = NormalDist()
    values = [normal.inv_cdf((i + 0.5) / grid_size) for i in range(grid_size)]
    rows = [
        torch.cat([_mean_image(decoder(torch.tensor([[a, b]])))[0] for b in values], dim=1)
        for a in values
    ]
    return torch.cat(rows, dim=0)


def _turned(decoder: Decoder, grid_size: int = 20) -> Tensor:
    values = _percentiles(grid_size)
    columns, rows = torch.meshgrid(values, values.flip(0), indexing="xy")
    z = torch.stack([columns, rows], dim=-1).reshape(-1, 2)
    return _tiled(_mean_image(decoder(z)), grid_size)


_RIGHT: tuple[tuple[str, Manifold], ...] = (
    ("pairs", _figure(_percentiles)),
    ("one-by-one", _one_by_one),
    ("second-latent-upwards", _turned),
    ("scaled-to-one", lambda decoder, grid_size=20: _figure(_percentiles)(decoder, grid_size) / 15),
)

MISTAKES = tuple(
    Mistake(f"manifold/{name}", "visualize_manifold", says, code, killed_by)
    for name, says, code, killed_by in _WRONG
)

VARIANTS = tuple(Variant(f"manifold/{name}", "visualize_manifold", code) for name, code in _RIGHT)
