"""Solutions in the style of IFT6135, and the verdicts that its sheet comes to."""

from __future__ import annotations

import pytest

from tests.assignments.vae_dialect_verdicts import failed, lost, namespace

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
