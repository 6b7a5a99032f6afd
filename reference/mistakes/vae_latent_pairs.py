"""Figures of two latents of many as students get them wrong, and as they get them right.

The decoder maps latents (B, 20) to logits (B, 16, H, W); the figure is one array (10 H, 10 W).
"""

from __future__ import annotations

from collections.abc import Callable
from statistics import NormalDist

import torch
from torch import Tensor

from reference.mistakes.catalogue import Mistake, Variant

Decoder = Callable[[Tensor], Tensor]
Plot = Callable[[Decoder, int, int], Tensor]
Latents = Callable[[int, int, Tensor], Tensor]

STEPS, LATENT_SIZE = 10, 20


def _percentiles() -> Tensor:
    values: Tensor = torch.special.ndtri((torch.arange(STEPS) + 0.5) / STEPS)
    return values


def _means(logits: Tensor) -> Tensor:
    levels = torch.arange(logits.shape[1]).to(logits)
    return torch.einsum("bkhw,k->bhw", logits.softmax(dim=1), levels)


def _tiled(images: Tensor) -> Tensor:
    tiles = images.reshape(STEPS, STEPS, *images.shape[1:])
    return tiles.permute(0, 2, 1, 3).flatten(2).flatten(0, 1)


def _latents(i: int, j: int, values: Tensor) -> Tensor:
    z = torch.zeros(STEPS**2, LATENT_SIZE)
    z[:, i], z[:, j] = values.repeat_interleave(STEPS), values.repeat(STEPS)
    return z


def _plot(
    latents: Latents = _latents,
    values: Callable[[], Tensor] = _percentiles,
    picture: Callable[[Tensor], Tensor] = _means,
    assemble: Callable[[Tensor], Tensor] = _tiled,
) -> Plot:
    @torch.no_grad()
    def plot_latents(decoder: Decoder, i: int, j: int) -> Tensor:
        return assemble(picture(decoder(latents(i, j, values()))))

    return plot_latents


def _others_random(i: int, j: int, values: Tensor) -> Tensor:
    z, pairs = torch.randn(STEPS**2, LATENT_SIZE), _latents(i, j, values)
    z[:, i], z[:, j] = pairs[:, i], pairs[:, j]
    return z


def _together(i: int, j: int, values: Tensor) -> Tensor:
    z = _latents(i, j, values)
    z[:, i] = z[:, j]
    return z


def _one_moves(i: int, j: int, values: Tensor) -> Tensor:
    z = _latents(i, j, values)
    z[:, j] = 0
    return z


def _not_assembled(images: Tensor) -> Tensor:
    return images.reshape(STEPS * images.shape[1], STEPS * images.shape[2])


_LATENTS, _IMAGES = ("pair_walks_the_percentiles",), ("pair_shows_means",)
_WRONG: tuple[tuple[str, str, Plot, tuple[str, ...]], ...] = (
    (
        "others-random",
        "Two images of your figure differ in more than the two latents.",
        _plot(_others_random),
        _LATENTS,
    ),
    (
        "others-at-one",
        "The latents that are not asked for do not stand at the prior's mean.",
        _plot(lambda i, j, values: _latents(i, j, values).where(_latents(i, j, values) != 0, 1.0)),
        _LATENTS,
    ),
    (
        "always-the-first-two",
        "Your figure does not depend on i and j.",
        _plot(lambda _, __, values: _latents(0, 1, values)),
        _LATENTS,
    ),
    ("one-moves", "One of the two latents never moves.", _plot(_one_moves), _LATENTS),
    (
        "diagonal",
        "Both latents always move together: the figure needs every pair.",
        _plot(_together),
        _LATENTS,
    ),
    (
        "even-in-z",
        "Your latents are evenly spaced: does each of them stand for equally much probability?",
        _plot(values=lambda: torch.linspace(-3, 3, STEPS)),
        _LATENTS,
    ),
    (
        "percentiles-from-0-to-1",
        "The first and last of your latents are infinite: which percentiles do you ask for?",
        _plot(values=lambda: torch.special.ndtri(torch.linspace(0, 1, STEPS))),
        _LATENTS,
    ),
    (
        "most-likely-level",
        "You show the most likely level of a pixel; the sheet asks for its mean.",
        _plot(picture=lambda logits: logits.argmax(dim=1).float()),
        _IMAGES,
    ),
    (
        "not-assembled",
        "Rows of different images got mixed: how do whole images come to stand side by side?",
        _plot(assemble=_not_assembled),
        _IMAGES,
    ),
)


def _one_by_one(decoder: Decoder, i: int, j: int) -> Tensor:
    values = [NormalDist().inv_cdf((k + 0.5) / STEPS) for k in range(STEPS)]
    rows = []
    for up in reversed(values):
        row = []
        for across in values:
            z = torch.zeros(1, LATENT_SIZE)
            z[0, i], z[0, j] = across, up
            row.append(_means(decoder(z))[0])
        rows.append(torch.cat(row, dim=1))
    return torch.cat(rows, dim=0)


def _scaled_to_one(images: Tensor) -> Tensor:
    return _tiled(images) / 15


_RIGHT: tuple[tuple[str, Plot], ...] = (
    ("pairs", _plot()),
    ("one-by-one", _one_by_one),
    ("scaled-to-one", _plot(assemble=_scaled_to_one)),
    ("other-way-around", _plot(lambda i, j, values: _latents(j, i, values))),
)

MISTAKES = tuple(
    Mistake(f"latent-pairs/{name}", "plot_latents", says, code, killed_by)
    for name, says, code, killed_by in _WRONG
)

VARIANTS = tuple(Variant(f"latent-pairs/{name}", "plot_latents", code) for name, code in _RIGHT)
