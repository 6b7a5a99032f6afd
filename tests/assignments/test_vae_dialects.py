"""Solutions in the style of three courses, and the verdicts that their sheets come to."""

from __future__ import annotations

import types
from typing import Any

import pytest

from grader.authored import assignment_checks
from grader.checks.loading import require_complete
from grader.kernel.inside.lookalikes import lookalike
from tests.assignments.vae_dialect_verdicts import DIALECTS, failed, lost, namespace, sheet
from tests.thinned import thinned


@pytest.mark.parametrize("dialect", DIALECTS)
def test_every_point_of_a_dialect_is_decided_by_a_check(dialect: str) -> None:
    require_complete(assignment_checks(sheet(dialect)), sheet(dialect).questions)


def test_the_courses_are_these() -> None:
    assert DIALECTS == ("cs236", "ift6135", "mit67960", "uva")


UVA_UTILS = """
import torch
import numpy as np

def sample_reparameterize(mean, std):
    assert not (std < 0).any().item(), "a negative std: are you sure it is not log_std?"
    eps = torch.randn(mean.shape, device=mean.device)
    z = mean + eps * std
    return z

def KLD(mean, log_std):
    return 0.5 * torch.sum(torch.exp(2 * log_std) + mean ** 2 - 1 - 2 * log_std, dim=-1)

def elbo_to_bpd(elbo, img_shape):
    return elbo * np.log2(np.e) * 1 / np.prod(img_shape[1:])

@torch.no_grad()
def visualize_manifold(decoder, grid_size=20):
    percentiles = torch.arange(0.5 / grid_size, 1, 1 / grid_size, device=decoder.device)
    z = torch.distributions.Normal(0, 1).icdf(percentiles)
    z1, z2 = torch.meshgrid(z, z, indexing="ij")
    grid = torch.stack([z1.flatten(), z2.flatten()], dim=1)
    probs = torch.softmax(decoder(grid), dim=1)
    values = torch.arange(16, device=probs.device).view(1, 16, 1, 1)
    mean = (probs * values).sum(dim=1, keepdim=True) / 15.0
    return make_grid(mean, nrow=grid_size, normalize=True, value_range=(0, 1))
"""
UVA_NETWORKS = """
from torch import nn

class CNNEncoder(nn.Module):
    def __init__(self, num_input_channels: int = 1, num_filters: int = 32, z_dim: int = 20):
        super().__init__()
        c = num_filters
        self.net = nn.Sequential(
            nn.Conv2d(num_input_channels, c, 3, padding=1, stride=2), nn.GELU(),
            nn.Conv2d(c, c, 3, padding=1), nn.GELU(),
            nn.Conv2d(c, 2 * c, 3, padding=1, stride=2), nn.GELU(),
            nn.Conv2d(2 * c, 2 * c, 3, padding=1, stride=2), nn.GELU(), nn.Flatten())
        self.mean_layer = nn.Linear(2 * 16 * c, z_dim)
        self.log_std_layer = nn.Linear(2 * 16 * c, z_dim)

    def forward(self, x):
        x = x.float() / 15 * 2.0 - 1.0
        x = self.net(x)
        return self.mean_layer(x), self.log_std_layer(x)

class CNNDecoder(nn.Module):
    def __init__(self, num_input_channels: int = 16, num_filters: int = 32, z_dim: int = 20):
        super().__init__()
        c = num_filters
        self.linear = nn.Sequential(nn.Linear(z_dim, 2 * 16 * c), nn.GELU())
        self.net = nn.Sequential(
            nn.ConvTranspose2d(2 * c, 2 * c, 3, output_padding=0, padding=1, stride=2), nn.GELU(),
            nn.ConvTranspose2d(2 * c, c, 3, output_padding=1, padding=1, stride=2), nn.GELU(),
            nn.ConvTranspose2d(c, num_input_channels, 3, output_padding=1, padding=1, stride=2))

    def forward(self, z):
        x = self.linear(z)
        return self.net(x.reshape(x.shape[0], -1, 4, 4))

    @property
    def device(self):
        return next(self.parameters()).device
"""
UVA_LIGHTNING = """
import torch
import torch.nn.functional as F

class VAE(pl.LightningModule):
    def __init__(self, num_filters, z_dim, lr):
        super().__init__()
        self.save_hyperparameters()
        self.encoder = CNNEncoder(z_dim=z_dim, num_filters=num_filters)
        self.decoder = CNNDecoder(z_dim=z_dim, num_filters=num_filters)

    def forward(self, imgs):
        mean, log_std = self.encoder(imgs)
        z = sample_reparameterize(mean, torch.exp(log_std))
        x_hat = self.decoder(z)
        L_rec = F.cross_entropy(x_hat, imgs.squeeze(1), reduction="none").sum(dim=[1, 2]).mean()
        L_reg = KLD(mean, log_std).mean()
        bpd = elbo_to_bpd(L_rec + L_reg, imgs.shape)
        return L_rec, L_reg, bpd

    @torch.no_grad()
    def sample(self, batch_size):
        z = torch.randn(batch_size, self.hparams.z_dim, device=self.decoder.device)
        probs = F.softmax(self.decoder(z), dim=1).permute(0, 2, 3, 1)
        flat = probs.flatten(end_dim=2)
        return torch.multinomial(flat, 1).reshape(batch_size, 1, 28, 28)
"""
UVA_TORCH = """
import torch.nn as nn

class VAE(nn.Module):
    def __init__(self, num_filters, z_dim, *args, **kwargs):
        super().__init__()
        self.z_dim = z_dim
        self.encoder = CNNEncoder(z_dim=z_dim, num_filters=num_filters)
        self.decoder = CNNDecoder(z_dim=z_dim, num_filters=num_filters)

    def forward(self, imgs):
        mean, log_std = self.encoder(imgs)
        logits = self.decoder.forward(sample_reparameterize(mean, log_std.exp()))
        nll = nn.CrossEntropyLoss(reduction="sum")(logits, imgs[:, 0].long()) / imgs.size(0)
        kl = KLD(mean, log_std).sum() / imgs.size(0)
        return nll, kl, elbo_to_bpd((nll + kl).unsqueeze(0), imgs.shape).mean()

    @torch.no_grad()
    def sample(self, batch_size):
        out = self.decoder(torch.randn((batch_size, self.z_dim)).to(self.device))
        return torch.distributions.Categorical(logits=out.permute(0, 2, 3, 1)).sample()[:, None]

    @property
    def device(self):
        return self.decoder.device
"""


def uva(*changed: tuple[str, str], model: str = UVA_LIGHTNING) -> dict[str, Any]:
    """A UvA submission with pieces of its text replaced."""
    sources = [UVA_UTILS, UVA_NETWORKS, model]
    for before, after in changed:
        assert any(before in source for source in sources), before
        sources = [source.replace(before, after) for source in sources]
    lightning = types.SimpleNamespace(
        LightningModule=lookalike("pytorch_lightning.LightningModule")
    )
    return namespace(*sources, make_grid=lookalike("torchvision.utils.make_grid"), pl=lightning)


@pytest.mark.parametrize("model", [UVA_LIGHTNING, UVA_TORCH], ids=["lightning", "torch"])
def test_a_right_uva_solution_loses_nothing(model: str) -> None:
    assert lost("uva", uva(model=model)) == {}


UVA_WRONG = {
    "forward_reconstructs": ('reduction="none").sum(dim=[1, 2]).mean()', 'reduction="mean")'),
    "forward_regularises": (
        "L_reg = KLD(mean, log_std).mean()",
        "L_reg = KLD(mean, log_std).sum()",
    ),
    "forward_counts_bits": ("elbo_to_bpd(L_rec + L_reg", "elbo_to_bpd(L_rec - L_reg"),
    "forward_decodes_samples_of_q": (
        "torch.exp(log_std))\n        x_hat",
        "log_std.abs())\n        x_hat",
    ),
    "sample_draws_every_pixel": ("torch.multinomial(flat, 1)", "flat.argmax(dim=1)"),
    "sample_begins_with_the_prior": ("z = torch.randn(batch", "z = torch.rand(batch"),
    "grid_shows_means": ("mean = (probs * values).sum(dim=1, keepdim=True)", "mean = probs"),
    "encoder_gives_a_logarithm": ("self.log_std_layer(x)\n", "self.log_std_layer(x).exp()\n"),
    "decoder_gives_unbounded_logits": (
        "x.shape[0], -1, 4, 4))",
        "x.shape[0], -1, 4, 4)).softmax(1)",
    ),
}


@pytest.mark.parametrize("check", thinned(UVA_WRONG, 4))
def test_one_uva_mistake_costs_one_check(check: str) -> None:
    assert set(lost("uva", uva(UVA_WRONG[check]))) == {check}


def test_an_average_over_pixels_is_told_as_one() -> None:
    told = lost("uva", uva(UVA_WRONG["forward_reconstructs"]), "forward")
    assert "an average over the pixels" in told["forward_reconstructs"]


def test_an_early_uva_mistake_is_not_marked_down_in_the_model() -> None:
    wrong = uva(
        ("2 * log_std, dim=-1)", "log_std, dim=-1)"),
        ("eps * std", "eps * std ** 2"),
        ("/ np.prod(img_shape[1:])", "/ np.prod(img_shape)"),
    )
    assert lost("uva", wrong, "forward") == {}


def test_an_early_uva_function_that_is_not_written_costs_its_points_once() -> None:
    wrong = uva(("    return 0.5 * torch.sum(torch.exp", "    return oops(torch.exp"))
    assert failed("uva", wrong) == {"kl"}


IFT6135 = """
import math
import numpy as np
import torch

def log_likelihood_bernoulli(mu, target):
    batch_size = mu.size(0)
    mu = mu.view(batch_size, -1)
    target = target.view(batch_size, -1)
    return torch.sum(target * torch.log(mu) + (1 - target) * torch.log(1 - mu), dim=1)

def log_likelihood_normal(mu, logvar, z):
    batch_size = mu.size(0)
    mu, logvar, z = (part.view(batch_size, -1) for part in (mu, logvar, z))
    return torch.sum(-((z - mu) ** 2) / (2 * torch.exp(logvar)) - logvar / 2
                     - math.log(math.sqrt(2 * math.pi)), dim=1)

def log_mean_exp(y):
    sample_size = y.size(1)
    a, _ = torch.max(y, dim=1, keepdim=True)
    return (torch.log(torch.sum(torch.exp(y - a), dim=1, keepdim=True) / sample_size) + a).view(-1)

def kl_gaussian_gaussian_analytic(mu_q, logvar_q, mu_p, logvar_p):
    batch_size = mu_q.size(0)
    var_q, var_p = logvar_q.exp(), logvar_p.exp()
    each = logvar_p - logvar_q + (var_q + (mu_q - mu_p) ** 2) / var_p - 1
    return 0.5 * each.view(batch_size, -1).sum(1)

def kl_gaussian_gaussian_mc(mu_q, logvar_q, mu_p, logvar_p, num_samples=1):
    batch_size = mu_q.size(0)
    input_size = np.prod(mu_q.size()[1:])
    shape = (batch_size, num_samples, input_size)
    mu_q, logvar_q, mu_p, logvar_p = (
        part.view(batch_size, -1).unsqueeze(1).expand(*shape)
        for part in (mu_q, logvar_q, mu_p, logvar_p))
    z = mu_q + torch.exp(logvar_q / 2) * torch.randn(shape)
    log_q = -0.5 * (logvar_q + (z - mu_q) ** 2 / logvar_q.exp())
    log_p = -0.5 * (logvar_p + (z - mu_p) ** 2 / logvar_p.exp())
    return (log_q - log_p).sum(2).mean(1)
"""


def test_a_right_ift6135_solution_loses_nothing() -> None:
    assert lost("ift6135", namespace(IFT6135)) == {}


def test_an_early_ift6135_mistake_costs_its_points_once() -> None:
    builds = IFT6135.replace(
        "return (log_q - log_p).sum(2).mean(1)",
        """z, flat = z.reshape(-1, input_size), lambda part: part.reshape(-1, input_size)
    log_q = log_likelihood_normal(flat(mu_q), flat(logvar_q), z)
    log_p = log_likelihood_normal(flat(mu_p), flat(logvar_p), z)
    return (log_q - log_p).view(batch_size, -1).mean(1)""",
    )
    assert lost("ift6135", namespace(builds)) == {}
    for before, after in (
        ("- logvar / 2", "- logvar"),
        ("2 * math.pi)), dim=1)", "2 * math.pi)))"),
    ):
        assert before in builds
        assert failed("ift6135", namespace(builds.replace(before, after))) == {"log-normal"}


IFT6135_WRONG = {
    "bernoulli_is_the_log_probability": ("torch.sum(target *", "-torch.sum(target *"),
    "normal_is_the_log_density": ("- logvar / 2", "- logvar"),
    "log_mean_exp_averages_exponentials": ("keepdim=True) / sample_size", "keepdim=True)"),
    "kl_is_the_expected_log_ratio_of_two": ("/ var_p - 1", "/ var_q - 1"),
    "estimates_follow_their_law": ("torch.exp(logvar_q / 2) *", "torch.exp(logvar_q) *"),
}


@pytest.mark.parametrize("check", IFT6135_WRONG)
def test_an_ift6135_mistake_fails_its_check(check: str) -> None:
    before, after = IFT6135_WRONG[check]
    assert before in IFT6135
    assert check in lost("ift6135", namespace(IFT6135.replace(before, after)))


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
