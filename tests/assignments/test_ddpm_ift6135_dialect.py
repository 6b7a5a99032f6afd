"""Solutions in the style of IFT6135, written afresh, and what is said of wrong ones."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from reference.mistakes import ddpm_ift6135
from tests.assignments.ddpm_dialect_verdicts import failures


class TutorialDenoiseDiffusion:
    """After a tutorial that many start from: a helper outside, noise at every step."""

    def __init__(self, eps_model: nn.Module, n_steps: int, device: Any) -> None:
        self.eps_model = eps_model
        self.beta = torch.linspace(0.0001, 0.02, n_steps, dtype=torch.float64).to(device)
        self.alpha_bar = (1 - self.beta).cumprod(0)
        self.n_steps = n_steps

    @staticmethod
    def pick(values: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        return values.gather(-1, t).reshape(-1, 1, 1, 1).float()

    def q_xt_x0(self, x0: torch.Tensor, t: torch.Tensor) -> Any:
        return self.pick(self.alpha_bar, t).sqrt() * x0, 1 - self.pick(self.alpha_bar, t)

    def q_sample(self, x0: torch.Tensor, t: torch.Tensor, eps: Any = None) -> torch.Tensor:
        eps = torch.randn_like(x0) if eps is None else eps
        mean, var = self.q_xt_x0(x0, t)
        mean += var**0.5 * eps
        return mean

    def p_xt_prev_xt(self, xt: torch.Tensor, t: torch.Tensor) -> Any:
        beta, bar = self.pick(self.beta, t), self.pick(self.alpha_bar, t)
        with torch.no_grad():
            eps = self.eps_model(xt, t=t)
        return (xt - beta * eps / (1 - bar).sqrt()) / torch.sqrt(1.0 - beta), beta

    def p_sample(self, xt: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        mean, var = self.p_xt_prev_xt(xt, t)
        return torch.normal(mean, var.sqrt().expand_as(mean))

    def loss(self, x0: torch.Tensor, noise: Any = None) -> torch.Tensor:
        times = torch.randint(0, self.n_steps, (x0.shape[0],), device=x0.device)
        noise = torch.randn_like(x0) if noise is None else noise
        eps_theta = self.eps_model(self.q_sample(x0, times, eps=noise), times)
        return ((noise - eps_theta) ** 2).sum() / x0.shape[0]


def test_a_tutorials_denoise_diffusion_passes() -> None:
    assert failures("ift6135", {"DenoiseDiffusion": TutorialDenoiseDiffusion}) == {}


def test_a_wrong_forward_process_costs_its_points_once() -> None:
    (wrong,) = (m for m in ddpm_ift6135.MISTAKES if m.id == "q-xt-x0/alpha-for-alpha-bar")
    found = failures("ift6135", {"DenoiseDiffusion": wrong.code})
    assert found.keys() == {"mean_is_that_of_the_chain", "variance_is_that_of_the_chain"}


def test_the_posteriors_variance_is_called_by_its_name() -> None:
    (wrong,) = (m for m in ddpm_ift6135.MISTAKES if m.id == "p-xt-prev-xt/posterior-variance")
    found = failures("ift6135", {"DenoiseDiffusion": wrong.code})
    assert found.keys() == {"reverse_variance_is_that_of_the_sheet"}
    assert "posterior given x_0" in found["reverse_variance_is_that_of_the_sheet"]


def test_a_loss_without_gradient_teaches_nothing() -> None:
    class Cut(TutorialDenoiseDiffusion):
        def loss(self, x0: torch.Tensor, noise: Any = None) -> torch.Tensor:
            with torch.no_grad():
                return super().loss(x0, noise)

    found = failures("ift6135", {"DenoiseDiffusion": Cut})
    assert found.keys() == {"loss_is_the_squared_error"}


def wrong_denoiser(name: str) -> Any:
    (found,) = (m for m in ddpm_ift6135.MISTAKES if m.id == name)
    return found.code


@pytest.mark.parametrize("late", ["late", "early"])
def test_a_reverse_step_that_tells_another_time_than_training_is_told_so(late: str) -> None:
    wrong = wrong_denoiser(f"p-xt-prev-xt/time-one-{late}")
    found = failures("ift6135", {"DenoiseDiffusion": wrong})
    assert found.keys() == {"network_is_shown_x_t_and_t"}
    assert "your loss trains it" in found["network_is_shown_x_t_and_t"]


def test_a_time_that_is_late_in_training_and_in_sampling_is_right() -> None:
    class Late(wrong_denoiser("p-xt-prev-xt/time-one-late")):
        loss = wrong_denoiser("loss/time-one-late").loss

    assert failures("ift6135", {"DenoiseDiffusion": Late}) == {}
