"""Solutions in the styles of other courses, written afresh, and what is said of wrong ones."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from grader.assignment import Assignment, load
from grader.auditing import audit_assignment
from grader.authored import assignment_checks
from grader.checks.context import Context
from grader.checks.runner import run_check
from grader.checks.seeds import Seeds
from grader.checks.verdict import Outcome, Verdict
from grader.dialect import in_dialect
from grader.kernel.local import LocalSubject
from reference.mistakes import ddpm_dtu02460, ddpm_ift6135
from reference.mistakes.catalogue import Mistake, Variant

FOLDER = Path(__file__).parents[2] / "assignments" / "ddpm"
CATALOGUES = {"dtu02460": ddpm_dtu02460, "ift6135": ddpm_ift6135}


@cache
def sheet(dialect: str) -> Assignment:
    return in_dialect(load(FOLDER), dialect)


def judged(dialect: str, namespace: Mapping[str, Any], course: str = "test") -> list[Verdict]:
    assignment = sheet(dialect)
    questions = {question.id: question for question in assignment.questions}
    seeds = Seeds(assignment=course)
    return [
        run_check(
            check,
            LocalSubject(namespace),
            Context(question=questions[check.question], seed=seeds.of(check.name)),
        )
        for check in assignment_checks(assignment)
    ]


def failures(dialect: str, namespace: Mapping[str, Any]) -> dict[str, str]:
    return {
        verdict.check: verdict.message
        for verdict in judged(dialect, namespace)
        if verdict.verdict is not Outcome.PASSED
    }


@pytest.mark.slow
@pytest.mark.parametrize("dialect", CATALOGUES)
def test_the_audit_of_a_dialect_finds_nothing(dialect: str) -> None:
    report = audit_assignment(str(FOLDER), dialect).report
    assert report.problems == ()
    assert len(report.mistakes) == len(CATALOGUES[dialect].MISTAKES)


def test_mits_sheet_asks_for_six_panels() -> None:
    asked = [question.id for question in sheet("mit67960").questions]
    assert {"schedule", "sampling", "panels"} <= set(asked)
    (panels,) = (q for q in sheet("mit67960").questions if q.id == "panels")
    assert panels.figure is not None
    assert panels.figure.rows * panels.figure.columns == 6


@pytest.mark.slow
@pytest.mark.parametrize("dialect", CATALOGUES)
def test_every_variant_passes_under_any_seed(dialect: str) -> None:
    variants: tuple[Variant, ...] = CATALOGUES[dialect].VARIANTS
    for variant in variants:
        for course in range(25):
            verdicts = judged(dialect, {variant.function: variant.code}, f"course {course}")
            assert {verdict.verdict for verdict in verdicts} == {Outcome.PASSED}, variant.id


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


def test_a_loss_without_gradient_teaches_nothing() -> None:
    class Cut(TutorialDenoiseDiffusion):
        def loss(self, x0: torch.Tensor, noise: Any = None) -> torch.Tensor:
            with torch.no_grad():
                return super().loss(x0, noise)

    found = failures("ift6135", {"DenoiseDiffusion": Cut})
    assert found.keys() == {"loss_is_the_squared_error"}


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


@pytest.mark.parametrize("dialect", CATALOGUES)
def test_a_network_that_is_never_asked_is_noticed(dialect: str) -> None:
    class Silent:
        def __init__(self, *_: Any) -> None:
            pass

        def __getattr__(self, name: str) -> Any:
            return lambda *args: torch.zeros(3)

    name = "DDPM" if dialect == "dtu02460" else "DenoiseDiffusion"
    found = judged(dialect, {name: Silent})
    assert Outcome.PASSED not in {verdict.verdict for verdict in found}
    assert Outcome.INFRASTRUCTURE not in {verdict.verdict for verdict in found}


@pytest.mark.parametrize(
    "name", ["first-never-trained", "last-never-trained", "one-t-for-the-batch"]
)
def test_a_time_that_is_never_trained_costs_nothing_in_sampling(name: str) -> None:
    found = failures("dtu02460", {"DDPM": wrong_ddpm(f"elbo/{name}").code})
    assert "every_timestep_is_trained" in found
    assert "sampler_tells_the_time_as_training_does" not in found


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
