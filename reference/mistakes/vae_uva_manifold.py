"""Manifolds of 28x28 images as students get them wrong, and as they get them right.

The decoder maps latents (B, 2) to logits (B, 16, 28, 28). The grid has a frame of two pixels and
three equal channels, as `torchvision.utils.make_grid` makes it, unless a variant says otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from reference.mistakes.catalogue import Mistake, Variant

Decoder = Callable[[Tensor], Tensor]
Manifold = Callable[..., Tensor]
Axis = Callable[[int], Tensor]
Picture = Callable[[Tensor], Tensor]
Assemble = Callable[[Tensor, int], Tensor]


def _percentiles(n: int) -> Tensor:
    values: Tensor = torch.special.ndtri((torch.arange(n) + 0.5) / n)
    return values


def _means(logits: Tensor) -> Tensor:
    levels = torch.arange(16.0).reshape(1, 16, 1, 1)
    return (logits.softmax(dim=1) * levels).sum(dim=1, keepdim=True) / 15


def _framed(images: Tensor, row: int, frame: int = 2) -> Tensor:
    count, _, height, width = images.shape
    rows = -(-count // row)
    grid = images.new_zeros(3, rows * (height + frame) + frame, row * (width + frame) + frame)
    for i, image in enumerate(images):
        top, left = i // row * (height + frame) + frame, i % row * (width + frame) + frame
        grid[:, top : top + height, left : left + width] = image
    return grid


def _grid(
    axis: Axis = _percentiles, picture: Picture = _means, assemble: Assemble = _framed
) -> Manifold:
    @torch.no_grad()
    def visualize_manifold(decoder: Decoder, grid_size: int = 20) -> Tensor:
        values = axis(grid_size)
        first, second = torch.meshgrid(values, values, indexing="ij")
        z = torch.stack([first, second], dim=-1).reshape(-1, 2)
        return assemble(picture(decoder(z)), grid_size)

    return visualize_manifold


def _unframed(images: Tensor, row: int) -> Tensor:
    return _framed(images, row, frame=0)[0]


def _drawn(logits: Tensor) -> Tensor:
    flat = logits.softmax(dim=1).permute(0, 2, 3, 1).reshape(-1, 16)
    return torch.multinomial(flat, 1).reshape(-1, 1, *logits.shape[2:]) / 15


def _each_scaled(images: Tensor, row: int) -> Tensor:
    low, high = images.amin(dim=(1, 2, 3), keepdim=True), images.amax(dim=(1, 2, 3), keepdim=True)
    return _framed((images - low) / (high - low), row)


def _one_by_one(decoder: Decoder, grid_size: int = 20) -> Tensor:
    values = _percentiles(grid_size)
    rows: list[Sequence[Tensor]] = [
        [_means(decoder(torch.stack([across, up])[None]))[0, 0] for across in values]
        for up in values.flip(0)
    ]
    return torch.cat([torch.cat(list(row), dim=1) for row in rows], dim=0)


_LATENTS, _IMAGES = ("grid_walks_the_percentiles",), ("grid_shows_means",)
_WRONG: tuple[tuple[str, str, Manifold, tuple[str, ...]], ...] = (
    (
        "even-in-z",
        "Your latents are evenly spaced: does each of them stand for equally much probability?",
        _grid(lambda n: torch.linspace(-3, 3, n)),
        _LATENTS,
    ),
    (
        "percentiles-as-z",
        "Your latents lie between 0 and 1: that is where percentiles live, not latents.",
        _grid(lambda n: (torch.arange(n) + 0.5) / n),
        _LATENTS,
    ),
    (
        "percentiles-from-0-to-1",
        "The first and last of your latents are infinite: which percentiles do you ask for?",
        _grid(lambda n: torch.special.ndtri(torch.linspace(0, 1, n))),
        _LATENTS,
    ),
    (
        "percentile-above-one",
        "One of your percentiles is above 1: does your count start at 0 or at 1?",
        _grid(lambda n: torch.special.ndtri((torch.arange(n) + 1.5) / n)),
        _LATENTS,
    ),
    (
        "samples",
        "The figure changes from call to call: show what the decoder expects, not a draw from it.",
        _grid(picture=_drawn),
        _IMAGES,
    ),
    (
        "most-likely-level",
        "You show the most likely level of a pixel; the sheet asks for its mean.",
        _grid(picture=lambda logits: logits.argmax(dim=1, keepdim=True) / 15),
        _IMAGES,
    ),
    (
        "sigmoid-on-16-logits",
        "A pixel takes one of 16 levels; you treat it as 16 separate yes-or-no questions.",
        _grid(picture=lambda logits: torch.sigmoid(logits).mean(dim=1, keepdim=True)),
        _IMAGES,
    ),
    (
        "one-plane",
        "Sixteen logits describe one pixel; you show one of them.",
        _grid(picture=lambda logits: logits.softmax(dim=1)[:, :1]),
        _IMAGES,
    ),
    (
        "all-planes",
        "Sixteen planes came back for each image: combine them into one picture.",
        _grid(picture=lambda logits: logits.softmax(dim=1), assemble=lambda images, _: images),
        _IMAGES,
    ),
    (
        "softmax-over-width",
        "Add up your probabilities over the 16 levels of one pixel: is the sum one?",
        _grid(
            picture=lambda logits: (
                logits.softmax(dim=-1) * torch.arange(16.0).reshape(1, 16, 1, 1)
            ).sum(dim=1, keepdim=True)
        ),
        _IMAGES,
    ),
    (
        "eight-in-a-row",
        "How many images are there in one row of your figure?",
        _grid(assemble=lambda images, _: _framed(images, 8)),
        _IMAGES,
    ),
    (
        "not-assembled",
        "Rows of different images got mixed: how do whole images come to stand side by side?",
        _grid(assemble=lambda images, n: images.reshape(n * 28, n * 28)),
        _IMAGES,
    ),
)

_RIGHT: tuple[tuple[str, Manifold], ...] = (
    ("framed", _grid()),
    ("without-a-frame", _grid(assemble=_unframed)),
    ("one-by-one", _one_by_one),
    ("stretched-greys", _grid(assemble=_each_scaled)),
    ("channels-last", _grid(assemble=lambda images, n: _framed(images, n).permute(1, 2, 0))),
    ("bytes", _grid(picture=lambda logits: (_means(logits) * 255).byte())),
    ("whole-levels", _grid(picture=lambda logits: (_means(logits) * 15).round().long())),
    ("wide-frame", _grid(assemble=lambda images, n: _framed(images, n, frame=5))),
    ("stacked", _grid(assemble=lambda images, _: images)),
    (
        "linspace-of-percentiles",
        _grid(lambda n: torch.special.ndtri(torch.linspace(0.5 / n, (n - 0.5) / n, n))),
    ),
)

MISTAKES = tuple(
    Mistake(f"manifold-grid/{name}", "visualize_manifold", says, code, killed_by)
    for name, says, code, killed_by in _WRONG
)

VARIANTS = tuple(
    Variant(f"manifold-grid/{name}", "visualize_manifold", code) for name, code in _RIGHT
)
