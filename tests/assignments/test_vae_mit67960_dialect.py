"""Solutions in the style of MIT 6.7960, and the verdicts that its sheet comes to."""

from __future__ import annotations

from tests.assignments.vae_dialect_verdicts import lost, namespace

MIT = """
import numpy as np
import torch

class VAE(torch.nn.Module):
    def __init__(self, input_dim=784, hidden_dim=40, latent_dim=8):
        super().__init__()
        self.latent_dim = latent_dim
        self.fc = torch.nn.Linear(latent_dim, input_dim)

    def decode(self, z):
        return torch.sigmoid(self.fc(z))

model = VAE()

def plot_latents(model, i, j):
    canvas = np.zeros((280, 280))
    for a, first in enumerate(np.linspace(-3, 3, 10)):
        for b, second in enumerate(np.linspace(-3, 3, 10)):
            z = torch.zeros(1, 8)
            z[0, i], z[0, j] = first, second
            with torch.no_grad():
                image = model.decode(z).cpu().numpy().reshape(28, 28)
            canvas[28 * a : 28 * a + 28, 28 * b : 28 * b + 28] = image
    return canvas
"""


def test_a_right_mit_solution_loses_nothing_and_keeps_its_decoder() -> None:
    found = namespace(MIT)
    assert lost("mit67960", found) == {}
    assert "decode" not in vars(found["model"])


def test_a_figure_that_is_only_drawn_is_judged_by_its_latents() -> None:
    assert lost("mit67960", namespace(MIT.replace("return canvas", "return None"))) == {}
    wrong = MIT.replace("return canvas", "return None").replace("torch.zeros(1", "torch.ones(1")
    assert set(lost("mit67960", namespace(wrong))) == {"other_latents_are_zero"}


def test_a_latent_that_never_moves_is_told() -> None:
    told = lost("mit67960", namespace(MIT.replace("z[0, j] = first, second", "z[0, j] = first, 0")))
    assert "10 and 1 values" in told["pairs_fill_a_grid"]
