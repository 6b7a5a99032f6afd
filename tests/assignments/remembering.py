"""A VAE that cheats where its two halves share a process."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

Recall = Callable[[torch.Tensor, int, torch.Tensor], torch.Tensor]


def remembering(base: type[nn.Module], recall: Recall) -> Callable[[], dict[str, Any]]:
    """Definitions of a model whose decoder answers with what its encoder was given.

    Args:
        base: decodes where nothing was encoded.
        recall: logits for latents (B, d), from all images that were encoded, (N, 4, 4), and from
            how many latents were decoded since then.
    """

    def definitions() -> dict[str, Any]:
        seen: list[torch.Tensor] = []
        asked: list[int] = []

        class VAE(base):  # type: ignore[misc,valid-type]  # a base that is given
            def encoder(self, imgs: torch.Tensor) -> Any:
                seen.append(imgs[:, 0])
                return super().encoder(imgs)

            def decoder(self, z: torch.Tensor) -> Any:
                if not seen:
                    return super().decoder(z)
                asked.append(len(z))
                return recall(torch.cat(seen), sum(asked[:-1]), z)

        return {"VAE": VAE}

    return definitions
