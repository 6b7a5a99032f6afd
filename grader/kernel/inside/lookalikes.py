"""Small look-alikes of functions that courses take from packages which grading does without.

Each does what its namesake documents as far as coursework calls it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from functools import cache
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch


def make_grid(
    tensor: Any, nrow: int = 8, padding: int = 2, normalize: bool = False, **options: Any
) -> torch.Tensor:
    """Images (B, C, H, W) side by side, `nrow` in a row: `torchvision.utils.make_grid`.

    Returns:
        One image (3, H', W') for grey ones and (C, H', W') for others.
    """
    import torch

    images = tensor if isinstance(tensor, torch.Tensor) else torch.stack(list(tensor))
    images = images.reshape(-1, *(images.shape[-3:] if images.dim() > 2 else (1, *images.shape)))
    if images.shape[1] == 1:
        images = images.expand(-1, 3, -1, -1)
    if normalize:
        low, high = options.get("value_range") or (float(images.min()), float(images.max()))
        images = (images.clamp(low, high) - low) / max(high - low, 1e-5)
    count, channels, height, width = images.shape
    if count == 1:
        return images[0]  # without a frame, as its namesake has it
    columns = min(nrow, count)
    rows = -(-count // columns)
    cell_height, cell_width = height + padding, width + padding
    grid = images.new_full(
        (channels, rows * cell_height + padding, columns * cell_width + padding),
        options.get("pad_value", 0),
    )
    for index, image in enumerate(images):
        top = index // columns * cell_height + padding
        left = index % columns * cell_width + padding
        grid[:, top : top + height, left : left + width] = image
    return grid


def save_image(*_args: Any, **_kwargs: Any) -> None:
    """`torchvision.utils.save_image`: nothing looks at what it would write."""


class ProgressBar:
    """`tqdm.tqdm` without a bar."""

    def __init__(self, iterable: Iterable[Any] | None = None, *_args: Any, **_kwargs: Any) -> None:
        self._iterable = () if iterable is None else iterable

    def __iter__(self) -> Any:
        return iter(self._iterable)

    def __len__(self) -> int:
        counted: Any = self._iterable  # as its namesake: what has no length says so itself
        return len(counted)

    def __enter__(self) -> ProgressBar:
        return self

    def __exit__(self, *_error: object) -> None:
        return None

    def __getattr__(self, _name: str) -> Any:
        return lambda *_args, **_kwargs: None  # update, set_postfix, close


def ranged(*bounds: int, **_kwargs: Any) -> ProgressBar:
    """`tqdm.trange`."""
    return ProgressBar(range(*bounds))


def lookalike(path: str) -> Any:
    """What serves for a dotted path, such as `torchvision.utils.make_grid`; None where nothing."""
    return _lightning_module() if path in _OF_LIGHTNING else _PLAIN.get(path)


@cache
def _lightning_module() -> Any:
    """`LightningModule` as far as a model is defined and called without a trainer."""
    from torch import nn

    class LightningModule(nn.Module):
        """A module that accepts what a trainer would have answered."""

        def save_hyperparameters(self, *_args: Any, **_kwargs: Any) -> None:
            caller = sys._getframe(1).f_locals
            kept = {k: v for k, v in caller.items() if k != "self" and not k.startswith("__")}
            object.__setattr__(self, "hparams", SimpleNamespace(**kept))

        def log(self, *_args: Any, **_kwargs: Any) -> None:
            """Nobody reads it."""

        log_dict = log

        @property
        def device(self) -> Any:
            import torch

            return next((p.device for p in self.parameters()), torch.device("cpu"))

    return LightningModule


_OF_LIGHTNING = frozenset(
    f"{package}.LightningModule"
    for package in ("pytorch_lightning", "lightning", "lightning.pytorch")
)

_PLAIN: dict[str, Any] = {
    "torchvision.utils.make_grid": make_grid,
    "torchvision.utils.save_image": save_image,
    **{f"tqdm{where}.tqdm": ProgressBar for where in ("", ".auto", ".notebook")},
    **{f"tqdm{where}.trange": ranged for where in ("", ".auto", ".notebook")},
}
