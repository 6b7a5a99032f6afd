"""Against what torchvision, tqdm and Lightning document, since none of them is installed here."""

from __future__ import annotations

import torch
from torch import nn

from grader.kernel.inside.lookalikes import ProgressBar, lookalike, make_grid, ranged, save_image


def test_a_grid_has_a_frame_of_two_pixels_around_every_image() -> None:
    images = torch.arange(5).reshape(5, 1, 1, 1).expand(-1, -1, 3, 4).float()
    grid = make_grid(images, nrow=2)
    assert grid.shape == (3, 3 * (3 + 2) + 2, 2 * (4 + 2) + 2)
    assert torch.equal(grid[:, 2, 2], torch.zeros(3))
    assert torch.equal(grid[:, 2, 8], torch.ones(3))
    assert torch.equal(grid[:, 12, 2], torch.full((3,), 4.0))
    assert grid[:, :2].sum() == 0
    assert grid[:, 12:, 8:].sum() == 0  # an empty place


def test_a_grid_is_normalised_on_demand() -> None:
    images = torch.tensor([-1.0, 3.0]).reshape(2, 1, 1, 1)
    assert sorted(set(make_grid(images, normalize=True, padding=0).flatten().tolist())) == [0, 1]
    grid = make_grid(images, normalize=True, value_range=(-1, 7), padding=0)
    assert torch.allclose(grid.max(), torch.tensor(0.5))


def test_a_single_image_stays_without_a_frame_and_lists_are_stacked() -> None:
    assert make_grid(torch.zeros(1, 3, 4, 5)).shape == (3, 4, 5)
    assert make_grid([torch.zeros(1, 4, 4)] * 3, padding=0).shape == (3, 4, 12)
    assert make_grid(torch.zeros(4, 5)).shape == (3, 4, 5)


def test_a_grid_keeps_whole_numbers() -> None:
    assert make_grid(torch.ones(4, 1, 2, 2, dtype=torch.long), pad_value=7).dtype == torch.long


def test_a_progress_bar_is_what_it_wraps() -> None:
    with ProgressBar([1, 2, 3], desc="epoch") as bar:
        bar.set_postfix(loss=1)
        assert list(bar) == [1, 2, 3]
        assert len(bar) == 3
    assert list(ranged(1, 3)) == [1, 2]
    assert list(ProgressBar(total=4)) == []


def test_a_lightning_module_is_a_module_that_keeps_its_settings() -> None:
    base = lookalike("pytorch_lightning.LightningModule")

    class Model(base):  # type: ignore[misc, valid-type]
        def __init__(self, z_dim: int, lr: float = 1e-3) -> None:
            super().__init__()
            self.save_hyperparameters()
            self.layer = nn.Linear(z_dim, 1)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            self.log("loss", 1.0)
            return self.layer(x.to(self.device))

    model = Model(3, lr=0.1)
    assert (model.hparams.z_dim, model.hparams.lr) == (3, 0.1)
    assert model(torch.zeros(2, 3)).shape == (2, 1)
    assert set(model.state_dict()) == {"layer.weight", "layer.bias"}


def test_only_what_is_known_has_a_lookalike() -> None:
    assert lookalike("torchvision.utils.save_image") is save_image
    assert save_image(torch.zeros(1), "x.png") is None
    assert lookalike("torchvision.transforms.ToTensor") is None
