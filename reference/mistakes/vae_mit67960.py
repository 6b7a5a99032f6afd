"""Figures of two latents of a whole model as students get them wrong, and right."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from reference.mistakes.catalogue import Mistake, Variant

Plot = Callable[[Any, int, int], Tensor | None]

STEPS, SIDE = 10, 28


class VAE(nn.Module):
    """Five latents and one layer each way; pixels between zero and one."""

    def __init__(self, latent_dim: int = 5) -> None:
        super().__init__()
        self.latent_dim = latent_dim
        self.encoder = nn.Linear(SIDE**2, 2 * latent_dim)
        self.decoder = nn.Sequential(nn.Linear(latent_dim, SIDE**2), nn.Sigmoid())


def _latents(model: Any, i: int, j: int, values: Tensor) -> Tensor:
    z = torch.zeros(len(values) ** 2, model.latent_dim)
    z[:, i], z[:, j] = values.repeat_interleave(len(values)), values.repeat(len(values))
    return z


def _assembled(rows: Tensor, steps: int = STEPS) -> Tensor:
    tiles = rows.reshape(steps, steps, SIDE, SIDE)
    return tiles.permute(0, 2, 1, 3).reshape(steps * SIDE, steps * SIDE)


def _plot(
    latents: Callable[[Any, int, int, Tensor], Tensor] = _latents,
    values: Callable[[], Tensor] = lambda: torch.linspace(-3, 3, STEPS),
    assemble: Callable[[Tensor], Tensor | None] = _assembled,
) -> Plot:
    @torch.no_grad()
    def plot_latents(model: Any, i: int, j: int) -> Tensor | None:
        return assemble(model.decoder(latents(model, i, j, values())))

    return plot_latents


def _random_others(model: Any, i: int, j: int, values: Tensor) -> Tensor:
    z = torch.randn(len(values) ** 2, model.latent_dim)
    pairs = _latents(model, i, j, values)
    z[:, i], z[:, j] = pairs[:, i], pairs[:, j]
    return z


def _one_moves(model: Any, i: int, j: int, values: Tensor) -> Tensor:
    z = _latents(model, i, j, values)
    z[:, j] = 0
    return z


def _both_together(model: Any, i: int, j: int, values: Tensor) -> Tensor:
    z = _latents(model, i, j, values)
    z[:, i] = z[:, j]
    return z


def _always_the_first_two(model: Any, _: int, __: int, values: Tensor) -> Tensor:
    return _latents(model, 0, 1, values)


_ZERO, _GRID = ("other_latents_are_zero",), ("pairs_fill_a_grid",)
_WHOLE = ("figure_keeps_its_images_whole",)
_WRONG: tuple[tuple[str, str, Plot, tuple[str, ...]], ...] = (
    (
        "others-random",
        "Two images of your figure differ in more than the two latents.",
        _plot(_random_others),
        _ZERO,
    ),
    (
        "always-the-first-two",
        "Your figure does not depend on i and j.",
        _plot(_always_the_first_two),
        _ZERO,
    ),
    ("one-moves", "One of the two latents never moves.", _plot(_one_moves), _GRID),
    (
        "diagonal",
        "Both latents always move together: the figure needs every pair.",
        _plot(_both_together),
        _GRID,
    ),
    (
        "eight-steps",
        "How many images are there along each side of your figure?",
        _plot(values=lambda: torch.linspace(-3, 3, 8), assemble=lambda rows: _assembled(rows, 8)),
        _GRID,
    ),
    (
        "infinite-ends",
        "The first and last of your latents are infinite: which percentiles do you ask for?",
        _plot(values=lambda: torch.special.ndtri(torch.linspace(0, 1, STEPS))),
        _GRID,
    ),
    (
        "not-assembled",
        "Rows of different images got mixed: how do whole images come to stand side by side?",
        _plot(assemble=lambda rows: rows.reshape(STEPS * SIDE, STEPS * SIDE)),
        _WHOLE,
    ),
    (
        "thresholded",
        "Show what the decoder expects of a pixel, not whether it is above one half.",
        _plot(assemble=lambda rows: _assembled((rows > 0.5).float())),
        _WHOLE,
    ),
)


@torch.no_grad()
def _image_by_image(model: Any, i: int, j: int) -> Tensor:
    canvas = torch.zeros(STEPS * SIDE, STEPS * SIDE)
    for row, up in enumerate(torch.linspace(2, -2, STEPS)):
        for column, across in enumerate(torch.linspace(-2, 2, STEPS)):
            z = torch.zeros(1, model.latent_dim)
            z[0, i], z[0, j] = across, up
            tile = model.decoder(z).view(SIDE, SIDE)
            top, left = row * SIDE, column * SIDE
            canvas[top : top + SIDE, left : left + SIDE] = tile
    return canvas


MISTAKES = tuple(
    Mistake(f"model-latents/{name}", "plot_latents", says, code, killed_by)
    for name, says, code, killed_by in _WRONG
)

VARIANTS = (
    Variant("model-latents/assembled", "plot_latents", _plot()),
    Variant(
        "model-latents/percentiles",
        "plot_latents",
        _plot(values=lambda: torch.special.ndtri((torch.arange(STEPS) + 0.5) / STEPS)),
    ),
    Variant("model-latents/image-by-image", "plot_latents", _image_by_image),
    Variant(
        "model-latents/only-drawn",
        "plot_latents",
        _plot(assemble=lambda rows: None if _assembled(rows).numel() else rows),
    ),
    Variant(
        "model-latents/sigmoid-on-top",
        "plot_latents",
        _plot(assemble=lambda rows: _assembled(rows.sigmoid())),
    ),
)

# What the rest of a notebook holds.
SOLUTION = {"VAE": VAE}
