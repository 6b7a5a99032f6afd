"""The images that the reference's models are trained and measured on."""

from __future__ import annotations

import torch
from torch import Tensor

from grader.data import DataSet, held_out
from grader.data.idx import read_idx


def training_and_test(files: DataSet) -> tuple[Tensor, Tensor]:
    """Training and held-out images in 16 levels, (N, 1, H, W) of uint8."""
    training = read_idx(files.train_images) >> (0 if files.levels == 16 else 4)
    return torch.tensor(training)[:, None], torch.tensor(held_out(files))[:, None]
