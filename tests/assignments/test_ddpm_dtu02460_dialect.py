"""Solutions in the style of DTU 02460, written afresh, and what is said of wrong ones."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import nn

from reference.mistakes import ddpm_dtu02460
from reference.mistakes.catalogue import Mistake
from tests.assignments.ddpm_dialect_verdicts import failures


class SkeletonDDPM(nn.Module):
    """The sheet's skeleton, filled in with times from 1 to T and a scalar schedule in a loop."""

    def __init__(self, network: Any, beta_1: float = 1e-4, beta_T: float = 2e-2, T: int = 100):
        super().__init__()
        self.network, self.beta_1, self.beta_T, self.T = network, beta_1, beta_T, T
        self.beta = nn.Parameter(torch.linspace(beta_1, beta_T, T), requires_grad=False)
        self.alpha = nn.Parameter(1 - self.beta, requires_grad=False)
        self.alpha_cumprod = nn.Parameter(self.alpha.cumprod(dim=0), requires_grad=False)

    def negative_elbo(self, x: torch.Tensor) -> torch.Tensor:
        t = torch.randint(1, self.T + 1, (x.shape[0],)).to(x.device)
        eps = torch.randn(x.shape).to(x.device)
        bar = self.alpha_cumprod[t - 1].view(-1, 1)
        x_t = bar.sqrt() * x + (1 - bar).sqrt() * eps
        t = t.unsqueeze(1).float() / self.T
        return nn.functional.mse_loss(self.network(x_t, t), eps, reduction="none").sum(-1)

    def sample(self, shape: tuple[int, ...]) -> torch.Tensor:
        x_t = torch.randn(shape).to(self.alpha.device)
        for t in range(self.T, 0, -1):
            z = torch.randn(shape) if t > 1 else 0
            alpha, bar = self.alpha[t - 1].item(), self.alpha_cumprod[t - 1].item()
            noise = self.network(x_t, torch.ones(shape[0], 1) * t / self.T)
            x_t = (x_t - (1 - alpha) / math.sqrt(1 - bar) * noise) / math.sqrt(alpha)
            x_t = x_t + math.sqrt(self.beta[t - 1].item()) * z
        return x_t

    def loss(self, x: torch.Tensor) -> torch.Tensor:
        return self.negative_elbo(x).mean()


def test_the_filled_in_skeleton_passes() -> None:
    assert failures("dtu02460", {"DDPM": SkeletonDDPM}) == {}


def test_a_bound_without_gradient_teaches_nothing() -> None:
    class Cut(SkeletonDDPM):
        def negative_elbo(self, x: torch.Tensor) -> torch.Tensor:
            return super().negative_elbo(x).detach()

    found = failures("dtu02460", {"DDPM": Cut})
    assert found.keys() == {"elbo_is_the_squared_error"}
    assert "cannot learn" in found["elbo_is_the_squared_error"]


@pytest.mark.parametrize("shape", ["scalar", "number"])
@pytest.mark.parametrize("scaled", [False, True])
def test_a_network_may_be_told_one_time_for_all(shape: str, scaled: bool) -> None:
    class Sampled(SkeletonDDPM):
        def sample(self, size: tuple[int, ...]) -> torch.Tensor:
            x = torch.randn(size)
            for t in range(self.T)[::-1]:
                time = torch.tensor((t + 1) * (1 / self.T)) * (1 + 2e-7)
                time = time if shape == "scalar" else time.reshape(1, 1)
                noise = self.network(x, time)
                x = (x - self.beta[t] / (1 - self.alpha_cumprod[t]) ** 0.5 * noise) / (
                    self.alpha[t] ** 0.5
                )
                spread = self.beta[t]
                if scaled:  # the other variance that the paper allows
                    before = self.alpha_cumprod[t - 1] if t else torch.ones(())
                    spread = spread * (1 - before) / (1 - self.alpha_cumprod[t])
                x = x + (spread**0.5 * torch.randn(size) if t else 0)
            return x

    assert failures("dtu02460", {"DDPM": Sampled}) == {}


def test_a_mean_over_the_batch_loses_the_shape_alone() -> None:
    class Mean(SkeletonDDPM):
        def negative_elbo(self, x: torch.Tensor) -> torch.Tensor:
            return super().negative_elbo(x).mean()

    assert failures("dtu02460", {"DDPM": Mean}).keys() == {"elbo_has_one_entry_for_each_example"}


def test_an_unreduced_error_loses_the_shape_alone() -> None:
    class Unreduced(SkeletonDDPM):
        def negative_elbo(self, x: torch.Tensor) -> torch.Tensor:
            t = torch.randint(0, self.T, (len(x), 1))
            eps, bar = torch.randn_like(x), self.alpha_cumprod[t]
            x_t = bar.sqrt() * x + (1 - bar).sqrt() * eps
            return (eps - self.network(x_t, (t + 1) / self.T)) ** 2

    found = failures("dtu02460", {"DDPM": Unreduced})
    assert found.keys() == {"elbo_has_one_entry_for_each_example"}


def test_a_wrong_noise_level_leaves_the_points_for_its_times() -> None:
    found = failures("dtu02460", {"DDPM": wrong_ddpm("elbo/signal-without-root").code})
    assert "every_timestep_is_trained" not in found
    assert "scaled by" in found["time_belongs_to_the_noise"]


def wrong_ddpm(name: str) -> Mistake:
    (found,) = (mistake for mistake in ddpm_dtu02460.MISTAKES if mistake.id == name)
    return found


@pytest.mark.parametrize(
    ("mistake", "check", "says"),
    [
        ("elbo/first-never-trained", "every_timestep_is_trained", "never draws"),
        ("elbo/one-t-for-the-batch", "every_timestep_is_trained", "share one timestep"),
        ("sample/last-step-missing", "sampler_takes_every_step", "9 times"),
        ("sample/time-one-late", "sampler_tells_the_time_as_training_does", "t = 10"),
        ("sample/no-noise", "sampler_draws_around_the_mean", "do not follow their law"),
    ],
)
def test_a_message_leads_to_the_mistake(mistake: str, check: str, says: str) -> None:
    assert says in failures("dtu02460", {"DDPM": wrong_ddpm(mistake).code})[check]


@pytest.mark.parametrize(
    "name", ["first-never-trained", "last-never-trained", "one-t-for-the-batch"]
)
def test_a_time_that_is_never_trained_costs_nothing_in_sampling(name: str) -> None:
    found = failures("dtu02460", {"DDPM": wrong_ddpm(f"elbo/{name}").code})
    assert "every_timestep_is_trained" in found
    assert "sampler_tells_the_time_as_training_does" not in found


class OfImages(SkeletonDDPM):
    """For images alone, as a convolution needs them."""

    def negative_elbo(self, x: torch.Tensor) -> torch.Tensor:
        t = torch.randint(0, self.T, (x.shape[0],))
        eps = torch.randn_like(x)
        bar = self.alpha_cumprod[t].view(-1, 1, 1, 1)
        predicted = self.network(bar.sqrt() * x + (1 - bar).sqrt() * eps, t / self.T)
        return ((eps - predicted) ** 2).sum(dim=[1, 2, 3])

    def sample(self, shape: tuple[int, ...]) -> torch.Tensor:
        x = torch.randn(shape)
        for t in reversed(range(self.T)):
            beta, alpha, bar = (
                values[torch.full((shape[0],), t)].view(-1, 1, 1, 1)
                for values in (self.beta, self.alpha, self.alpha_cumprod)
            )
            predicted = self.network(x, torch.full((shape[0],), t / self.T))
            x = (x - beta / (1 - bar).sqrt() * predicted) / alpha.sqrt()
            x = x + beta.sqrt() * torch.randn_like(x) * (t > 0)
        return x


class OfMnist(SkeletonDDPM):
    """For rows of 784 pixels alone, which its network is shown as images."""

    def negative_elbo(self, x: torch.Tensor) -> torch.Tensor:
        t = torch.randint(0, self.T, (len(x), 1))
        eps, bar = torch.randn(len(x), 784), self.alpha_cumprod[t]
        x_t = (bar.sqrt() * x + (1 - bar).sqrt() * eps).view(-1, 1, 28, 28)
        predicted = self.network(x_t, (t + 1) / self.T).view(-1, 784)
        return torch.mean((eps - predicted) ** 2, dim=1)


@pytest.mark.parametrize("model", [OfImages, OfMnist])
def test_a_model_for_one_shape_of_data_passes(model: type) -> None:
    assert failures("dtu02460", {"DDPM": model}) == {}


@pytest.mark.parametrize("model", [OfImages, OfMnist])
def test_a_model_for_one_shape_of_data_is_held_to_the_same(model: type) -> None:
    class Cut(model):  # type: ignore[misc]
        def negative_elbo(self, x: torch.Tensor) -> torch.Tensor:
            return super().negative_elbo(x).detach()

        def sample(self, shape: tuple[int, ...]) -> torch.Tensor:
            return super().sample(shape).clamp(-1, 1)

    assert failures("dtu02460", {"DDPM": Cut}).keys() == {
        "elbo_is_the_squared_error",
        "last_step_gives_its_mean",
    }
