"""The instructor's notebooks in training: what their sheets' thresholds are derived from.

A notebook is run as it stands, with another seed, and its model is measured on the held-out images
before the first step of every epoch; nothing in the notebook knows of it.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import nbformat
import numpy as np
import torch
from torch import Tensor
from torch.optim.optimizer import register_optimizer_step_pre_hook

from assignments.aae.held_out_law import energy_distance_to_prior
from assignments.ddpm.bound import chances, strata
from benchmarks.baselines import BestScale, independent_pixels_bpd, mean_image_error
from benchmarks.images import training_and_test
from grader.data import DataSet
from reference.ddpm import alphas_cumprod, linear_beta_schedule, prior_kl, q_sample
from reference.ddpm_bound import bits_per_dimension, bound_term
from reference.distributions import categorical_log_likelihood, kl_to_unit_gaussian
from reference.vae import elbo, elbo_to_bpd

ASSIGNMENTS = Path(__file__).absolute().parents[1] / "assignments"
LEVELS = 16
STEPS = 1000
# The same draws for every model, and enough of them to see a hundredth of a bit.
EVALUATION_SEED = 1_000_003
ROUNDS = 10

Figures = dict[str, float]


def vae_figures(model: Any, levels: Tensor) -> Figures:
    """Bits per dimension of the negative ELBO on levels (N, 1, H, W)."""
    mean, log_std = model.encoder(levels)
    kl, likelihoods = kl_to_unit_gaussian(mean, log_std), []
    for _ in range(ROUNDS):
        logits = model.decoder(mean + log_std.exp() * torch.randn_like(mean))
        likelihoods.append(categorical_log_likelihood(logits.double(), levels))
    nats = -elbo(torch.stack(likelihoods), kl.double())
    return {"bpd": elbo_to_bpd(nats, levels.shape).mean().item()}


def ddpm_figures(model: Any, levels: Tensor) -> Figures:
    """Bits per dimension of the bound with variances beta on levels (N, 1, H, W)."""
    betas = linear_beta_schedule(STEPS)
    x0 = scaled(levels).double()
    rng, bounds = np.random.default_rng(EVALUATION_SEED), []
    for _ in range(ROUNDS):
        t = torch.from_numpy(rng.permutation(strata(len(x0), rng)))
        x_t = q_sample(x0, t, torch.randn_like(x0), alphas_cumprod(betas))
        term = bound_term(model(x_t.float(), t).double(), x0, x_t, t, betas, betas, LEVELS)
        bounds.append(term / torch.from_numpy(chances())[t - 1])
    nats = torch.stack(bounds).mean(dim=0) + prior_kl(x0, alphas_cumprod(betas))
    return {"bpd": bits_per_dimension(nats, x0.shape).mean().item()}


def aae_figures(model: Any, levels: Tensor) -> Figures:
    """Distance of the latents' law from the prior, and error of the reconstruction."""
    x = scaled(levels)
    z = model.encoder(x)
    return {
        "energy_distance": energy_distance_to_prior(z.double().numpy()),
        "squared_error": (model.decoder(z) - x).double().square().mean().item(),
    }


def _pixels(training: Tensor, test: Tensor) -> Figures:
    return {"bpd": independent_pixels_bpd(training, test, LEVELS)}


def _best_scale(training: Tensor, test: Tensor) -> Figures:
    torch.manual_seed(EVALUATION_SEED)
    return ddpm_figures(BestScale(scaled(training), STEPS), test)


def _mean_image(training: Tensor, test: Tensor) -> Figures:
    return {"squared_error": mean_image_error(scaled(training), scaled(test))}


@dataclass(frozen=True)
class Sheet:
    """An assignment whose notebook trains.

    Attributes:
        batch: images in a step of its training.
        optimizers: that step once for each batch.
        figures: measures the trained `model` on levels.
        baseline: what training levels alone reach on held-out ones.
    """

    name: str
    model: str
    batch: int
    optimizers: int
    figures: Callable[[Any, Tensor], Figures]
    baseline: Callable[[Tensor, Tensor], Figures]


SHEETS = {
    "vae": Sheet("vae", "the notebook's CNN", 32, 1, vae_figures, _pixels),
    "ddpm": Sheet("ddpm", "the notebook's denoiser", 64, 1, ddpm_figures, _best_scale),
    "aae": Sheet("aae", "the notebook's MLPs", 64, 2, aae_figures, _mean_image),
}


def scaled(levels: Tensor) -> Tensor:
    """Levels as the notebooks have them, in [-1, 1]."""
    return levels.float() / (LEVELS - 1) * 2 - 1


class Watch:
    """A pre-hook of optimisers: measures the model before the first step of every epoch."""

    def __init__(self, sheet: Sheet, namespace: dict[str, Any], test: Tensor):
        self.sheet, self.namespace, self.test = sheet, namespace, test
        self.curve: list[Figures] = []
        self.steps = 0

    def __call__(self, *_: Any) -> None:
        """Called by torch before every step of every optimiser."""
        if self.steps % self.per_epoch() == 0:
            self.measure()
        self.steps += 1

    def per_epoch(self) -> int:
        """Steps of all optimisers in an epoch."""
        batches = math.ceil(len(self.namespace["training"]) / self.sheet.batch)
        return batches * self.sheet.optimizers

    def measure(self) -> None:
        """Notes the figures of the model as it is, and leaves all randomness as it was."""
        with torch.random.fork_rng(), torch.no_grad():
            torch.manual_seed(EVALUATION_SEED)
            self.curve.append(self.sheet.figures(self.namespace["model"], self.test))


def train(sheet: Sheet, files: DataSet, seed: int, epochs: int | None) -> dict[str, Any]:
    """Runs the notebook up to the end of its training.

    Args:
        sheet: whose notebook.
        files: of the data set that it trains on, in a folder of the data set's name.
        seed: in the place of the notebook's own.
        epochs: likewise; None for the notebook's own.

    Returns:
        The seed, and every figure before training and after each epoch.

    Raises:
        RuntimeError: the notebook makes another number of steps than its sheet says.
    """
    namespace: dict[str, Any] = {"__name__": "notebook"}
    parameters = {"data_set": files.name, "seed": seed} | ({"epochs": epochs} if epochs else {})
    watch = Watch(sheet, namespace, training_and_test(files)[1].long())
    hook = register_optimizer_step_pre_hook(watch)
    try:
        execute(sheet.name, files, namespace, parameters, last="training")
    finally:
        hook.remove()
    watch.measure()
    if watch.steps != namespace["epochs"] * watch.per_epoch():
        raise RuntimeError(
            f"{sheet.name}: {watch.steps} steps make no {namespace['epochs']} epochs"
        )
    figures = {f"test_{name}": [one[name] for one in watch.curve] for name in watch.curve[0]}
    return {"seed": seed, **figures}


def execute(
    name: str, files: DataSet, namespace: dict[str, Any], parameters: dict[str, Any], last: str
) -> None:
    """Runs a notebook's code, up to the cell with that grade_id, with other parameters."""
    before = os.environ.copy()
    os.environ["GRADER_DATA"] = str(files.train_images.parent.parent)
    try:
        for source in _cells(name, parameters, last):
            exec(source, namespace)  # our own notebook
    finally:
        os.environ.clear()
        os.environ.update(before)
        plt.close("all")


def _cells(name: str, parameters: dict[str, Any], last: str) -> Iterator[str]:
    notebook: Any = nbformat.read(ASSIGNMENTS / name / "notebook.ipynb", as_version=4)
    for cell in (cell for cell in notebook.cells if cell.cell_type == "code"):
        yield cell.source
        if "parameters" in cell.metadata.get("tags", ()):
            yield "\n".join(f"{name} = {value!r}" for name, value in parameters.items())
        if cell.metadata.get("nbgrader", {}).get("grade_id") == last:
            return
