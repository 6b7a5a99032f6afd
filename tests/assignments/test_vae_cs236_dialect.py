"""Solutions in the style of CS236, and the verdicts that its sheet comes to."""

from __future__ import annotations

import types
from typing import Any

import pytest
import torch

from tests.assignments.vae_dialect_verdicts import failed, lost, namespace

CS236_UTILS = """
import numpy as np
import torch
import torch.nn.functional as F

def sample_gaussian(m, v):
    return m + torch.sqrt(v) * torch.randn(m.shape)

def log_normal(x, m, v):
    const = -0.5 * x.size(-1) * torch.log(2 * torch.tensor(np.pi))
    return const - 0.5 * torch.sum(torch.log(v), -1) - torch.sum((x - m) ** 2 / (2 * v), -1)

def log_normal_mixture(z, m, v):
    z = z.unsqueeze(1)
    return log_mean_exp(log_normal(z, m, v), -1)

def gaussian_parameters(h, dim=-1):
    m, h = torch.split(h, h.size(dim) // 2, dim=dim)
    return m, F.softplus(h) + 1e-8

def log_bernoulli_with_logits(x, logits):
    return -F.binary_cross_entropy_with_logits(input=logits, target=x, reduction="none").sum(-1)

def kl_normal(qm, qv, pm, pv):
    return (0.5 * (torch.log(pv) - torch.log(qv) + qv / pv + (qm - pm).pow(2) / pv - 1)).sum(-1)

def duplicate(x, rep):
    return x.expand(rep, *x.shape).reshape(-1, *x.shape[1:])

def log_mean_exp(x, dim):
    return log_sum_exp(x, dim) - np.log(x.size(dim))

def log_sum_exp(x, dim=0):
    max_x = torch.max(x, dim)[0]
    new_x = x - max_x.unsqueeze(dim).expand_as(x)
    return max_x + (new_x.exp().sum(dim)).log()
"""
CS236_VAE = """
from torch import nn as torch_nn

class VAE(torch_nn.Module):
    def __init__(self, nn="v1", name="vae", z_dim=2):
        super().__init__()
        self.name = name
        self.z_dim = z_dim
        nn = getattr(nns, nn)
        self.enc = nn.Encoder(self.z_dim)
        self.dec = nn.Decoder(self.z_dim)
        self.z_prior_m = torch_nn.Parameter(torch.zeros(1), requires_grad=False)
        self.z_prior_v = torch_nn.Parameter(torch.ones(1), requires_grad=False)
        self.z_prior = (self.z_prior_m, self.z_prior_v)

    def negative_elbo_bound(self, x):
        m, v = self.enc.encode(x)
        z = ut.sample_gaussian(m, v)
        rec = -ut.log_bernoulli_with_logits(x, self.dec.decode(z))
        kl = ut.kl_normal(m, v, self.z_prior[0], self.z_prior[1])
        return (kl + rec).mean(), kl.mean(), rec.mean()

    def negative_iwae_bound(self, x, iw):
        m, v = self.enc.encode(x)
        m, v, x = ut.duplicate(m, iw), ut.duplicate(v, iw), ut.duplicate(x, iw)
        z = ut.sample_gaussian(m, v)
        kl = ut.log_normal(z, m, v) - ut.log_normal(z, self.z_prior[0], self.z_prior[1])
        rec = -ut.log_bernoulli_with_logits(x, self.dec.decode(z))
        log_w = (-kl - rec).reshape(iw, -1)
        return -ut.log_mean_exp(log_w, 0).mean(), kl.mean(), rec.mean()
"""
CS236_GMVAE = """
class GMVAE(torch_nn.Module):
    def __init__(self, nn="v1", z_dim=2, k=500, name="gmvae"):
        super().__init__()
        self.k, self.z_dim = k, z_dim
        nn = getattr(nns, nn)
        self.enc = nn.Encoder(self.z_dim)
        self.dec = nn.Decoder(self.z_dim)
        self.z_pre = torch_nn.Parameter(torch.randn(1, 2 * k, z_dim) / np.sqrt(k * z_dim))
        self.pi = torch_nn.Parameter(torch.ones(k) / k, requires_grad=False)

    def kl(self, z, m, v):
        prior_m, prior_v = ut.gaussian_parameters(self.z_pre, dim=1)
        prior_m, prior_v = (p.expand(z.shape[0], -1, -1) for p in (prior_m, prior_v))
        return ut.log_normal(z, m, v) - ut.log_normal_mixture(z, prior_m, prior_v)

    def negative_elbo_bound(self, x):
        m, v = self.enc(x)
        z = ut.sample_gaussian(m, v)
        rec = -ut.log_bernoulli_with_logits(x, self.dec(z)).mean()
        kl = self.kl(z, m, v).mean()
        return rec + kl, kl, rec

    def negative_iwae_bound(self, x, iw):
        m, v = self.enc(ut.duplicate(x, iw))
        z = ut.sample_gaussian(m, v)
        rec = -ut.log_bernoulli_with_logits(ut.duplicate(x, iw), self.dec(z))
        kl = self.kl(z, m, v)
        niwae = -ut.log_mean_exp(torch.stack((-kl - rec).chunk(iw)), 0)
        return niwae.mean(), kl.mean(), rec.mean()
"""


class Part(torch.nn.Module):
    """An encoder or a decoder of the course's own files."""

    def __init__(self, z_dim: int) -> None:
        super().__init__()
        self.z_dim = z_dim


NETWORKS = types.SimpleNamespace(v1=types.SimpleNamespace(Encoder=Part, Decoder=Part))


class Module:
    """The course's utilities as another file sees them: looked up when they are called."""

    def __init__(self) -> None:
        self.globals: dict[str, Any] = {}

    def __getattr__(self, name: str) -> Any:
        return self.globals[name]


def cs236(
    *changed: tuple[str, str], nns: Any = NETWORKS, in_folders: bool = False
) -> dict[str, Any]:
    """A CS236 submission with pieces of its text replaced.

    In folders, models see another copy of the utilities than the one that is graded.
    """
    sources = [CS236_UTILS, CS236_VAE, CS236_GMVAE]
    for before, after in changed:
        assert any(before in source for source in sources), before
        sources = [source.replace(before, after) for source in sources]
    if in_folders:
        copy = types.ModuleType("codebase.utils")
        exec(sources[0], vars(copy))
        return namespace(*sources, nns=nns, ut=copy)
    ut = Module()
    found = namespace(*sources, nns=nns, ut=ut)
    ut.globals = found
    return found


@pytest.mark.parametrize("nns", [NETWORKS, None], ids=["with-networks", "without-networks"])
def test_a_right_cs236_solution_loses_nothing(nns: Any) -> None:
    assert lost("cs236", cs236(nns=nns)) == {}


CS236_WRONG = {
    "samples_follow_the_gaussian": ("torch.sqrt(v) *", "v *"),
    "normal_density_is_summed_over_the_last_axis": ("- torch.sum((x", "+ torch.sum((x"),
    "mixture_averages_densities": (
        "log_mean_exp(log_normal(z, m, v), -1)",
        "log_normal(z, m, v).mean(-1)",
    ),
    "bound_is_the_sum_of_its_terms": ("(kl + rec).mean()", "(rec - kl).mean()"),
    "importance_weights_are_averaged": ("-ut.log_mean_exp(log_w, 0)", "-log_w.mean(0)"),
    "mixture_bound_has_a_sampled_kl": (
        "log_normal_mixture(z, prior_m, prior_v)",
        "log_normal(z, 0 * m, 1 + 0 * v)",
    ),
}


CS236_EARLY = {
    "a-factor": ("return (0.5 * (torch.log(pv)", "return (1.0 * (torch.log(pv)", "kl-normal"),
    "all-axes": ("/ pv - 1)).sum(-1)", "/ pv - 1)).sum()", "kl-normal"),
    "variance-squared": ("(2 * v), -1)", "(2 * v**2), -1)", "log-normal"),
    "sum-of-all": (
        "torch.sum((x - m) ** 2 / (2 * v), -1)",
        "((x - m) ** 2 / v).sum()",
        "log-normal",
    ),
    "mean-of-logs": (
        "log_mean_exp(log_normal(z, m, v), -1)",
        "log_normal(z, m, v).mean(-1)",
        "mixture",
    ),
    "not-written": ("return m + torch.sqrt(v)", "return oops + m + v", "reparameterization"),
    "raises": ("return log_mean_exp(log_normal(z, m, v), -1)", "return oops", "mixture"),
}


@pytest.mark.parametrize("mistake", CS236_EARLY)
def test_an_early_cs236_mistake_costs_its_points_once(mistake: str) -> None:
    before, after, question = CS236_EARLY[mistake]
    found = cs236((before, after), in_folders=mistake == "a-factor")
    assert failed("cs236", found) == {question}


def test_a_mistake_of_a_bound_itself_is_no_early_one() -> None:
    wrong = cs236(
        ("return (0.5 * (torch.log(pv)", "return (1.0 * (torch.log(pv)"),
        ("(kl + rec).mean(), kl.mean(), rec.mean()", "(kl + rec).mean(), kl.sum(), rec.mean()"),
    )
    assert "bound_regularises" in lost("cs236", wrong, "vae-bound")


@pytest.mark.parametrize("check", CS236_WRONG)
def test_a_cs236_mistake_fails_its_check(check: str) -> None:
    assert check in lost("cs236", cs236(CS236_WRONG[check]))
