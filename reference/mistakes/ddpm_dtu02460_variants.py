# ruff: noqa: D102, N803 - the methods and names are the sheet's
"""DTU's `DDPM(network, beta_1, beta_T, T)` in the ways that people write it when it is right."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from reference.mistakes.catalogue import Variant


class Parameters(nn.Module):
    """The published skeleton, filled in: parameters, t / T, a mean over entries."""

    def __init__(
        self, network: nn.Module, beta_1: float = 1e-4, beta_T: float = 2e-2, T: int = 100
    ) -> None:
        super().__init__()
        self.network = network
        self.T = T
        self.beta = nn.Parameter(torch.linspace(beta_1, beta_T, T), requires_grad=False)
        self.alpha = nn.Parameter(1 - self.beta, requires_grad=False)
        self.alpha_cumprod = nn.Parameter(self.alpha.cumprod(dim=0), requires_grad=False)

    def negative_elbo(self, x: Tensor) -> Tensor:
        t = torch.randint(0, self.T, (x.shape[0], 1), device=x.device)
        epsilon = torch.randn_like(x)
        x_t = self.alpha_cumprod[t].sqrt() * x + (1 - self.alpha_cumprod[t]).sqrt() * epsilon
        predicted = self.network(x_t, t / self.T)
        return F.mse_loss(predicted, epsilon, reduction="none").mean(dim=1)

    def sample(self, shape: tuple[int, ...]) -> Tensor:
        x_t = torch.randn(shape).to(self.alpha.device)
        for t in range(self.T - 1, -1, -1):
            z = torch.randn_like(x_t) if t > 0 else torch.zeros_like(x_t)
            time = torch.full((shape[0], 1), t / self.T, device=x_t.device)
            scale = (1 - self.alpha[t]) / torch.sqrt(1 - self.alpha_cumprod[t])
            x_t = (x_t - scale * self.network(x_t, time)) / torch.sqrt(self.alpha[t])
            x_t = x_t + torch.sqrt(self.beta[t]) * z
        return x_t

    def loss(self, x: Tensor) -> Tensor:
        return self.negative_elbo(x).mean()


class Buffers(nn.Module):
    """Buffers with a place for t = 0, t from 1, the norm squared, torch.randn."""

    beta: Tensor
    alpha_bar: Tensor

    def __init__(self, network: nn.Module, beta_1: float, beta_T: float, T: int) -> None:
        super().__init__()
        self.net, self.T = network, T
        beta = torch.cat([torch.zeros(1), torch.linspace(beta_1, beta_T, T)])
        self.register_buffer("beta", beta)
        self.register_buffer("alpha_bar", torch.exp(torch.cumsum(torch.log(1 - beta), 0)))

    def negative_elbo(self, x: Tensor) -> Tensor:
        t = torch.randint(1, self.T + 1, (len(x),))
        bar = self.alpha_bar[t].unsqueeze(1)
        eps = torch.randn(x.shape, device=x.device)
        predicted = self.net(torch.sqrt(bar) * x + torch.sqrt(1.0 - bar) * eps, t[:, None] / self.T)
        length: Tensor = torch.linalg.norm(eps - predicted, dim=1)
        return length**2

    @torch.no_grad()
    def sample(self, shape: tuple[int, ...]) -> Tensor:
        x = torch.randn(*shape)
        for t in reversed(range(1, self.T + 1)):
            time = torch.tensor([t / self.T]).expand(shape[0], 1)
            beta, bar = self.beta[t], self.alpha_bar[t]
            x = (1 - beta) ** -0.5 * (x - beta * (1 - bar) ** -0.5 * self.net(x, time))
            if t > 1:
                x += beta**0.5 * torch.randn(shape)
        return x


class Plain:
    """No module: NumPy's schedule, integer t of shape (B,), one example after the other."""

    def __init__(self, network: nn.Module, beta_1: float, beta_T: float, T: int) -> None:
        self.network, self.T = network, T
        self.betas = np.linspace(beta_1, beta_T, T)
        self.bars = np.cumprod(1 - self.betas)

    def negative_elbo(self, x: Tensor) -> Tensor:
        times = torch.randint(self.T, (len(x),))
        noise = torch.randn_like(x)
        bars = torch.tensor(self.bars[times.numpy()], dtype=x.dtype)[:, None]
        predicted = self.network(x * bars**0.5 + noise * (1 - bars) ** 0.5, times)
        return torch.stack([(p - n).pow(2).sum() for p, n in zip(predicted, noise, strict=True)])

    def sample(self, shape: tuple[int, ...]) -> Tensor:
        x = torch.randn(shape)
        for t in np.arange(self.T)[::-1]:
            eps = self.network(x, torch.full((shape[0],), int(t))).detach()
            beta, bar = float(self.betas[t]), float(self.bars[t])
            before = float(self.bars[t - 1]) if t > 0 else 1.0
            clean = (x - (1 - bar) ** 0.5 * eps) / bar**0.5
            of_clean = before**0.5 * beta / (1 - bar)
            of_x = (1 - beta) ** 0.5 * (1 - before) / (1 - bar)
            spread = ((1 - before) / (1 - bar) * beta) ** 0.5
            x = of_clean * clean + of_x * x + spread * torch.randn(shape)
        return x


class Images(Parameters):
    """Whole images, as convolutions need them: every factor has the axes of an image."""

    def negative_elbo(self, x: Tensor) -> Tensor:
        t = torch.randint(0, self.T, x.shape[:1])
        kept = self.alpha_cumprod[t][:, None, None, None]
        noise = torch.randn_like(x)
        predicted = self.network(kept.sqrt() * x + (1 - kept).sqrt() * noise, t / self.T)
        squares: Tensor = (noise - predicted) ** 2
        return squares.sum(dim=(1, 2, 3))

    def sample(self, shape: tuple[int, ...]) -> Tensor:
        x = torch.randn(shape)
        for t in torch.arange(self.T).flip(0).repeat(shape[0], 1).T:
            beta, kept = self.beta[t].view(-1, 1, 1, 1), self.alpha_cumprod[t].view(-1, 1, 1, 1)
            x = x - beta / (1 - kept).sqrt() * self.network(x, t / self.T)
            fresh = torch.randn_like(x) * (t > 0).view(-1, 1, 1, 1)
            x = x / (1 - beta).sqrt() + beta.sqrt() * fresh
        return x


VARIANTS: tuple[Variant, ...] = (
    Variant("ddpm/parameters", "DDPM", Parameters),
    Variant("ddpm/buffers", "DDPM", Buffers),
    Variant("ddpm/plain", "DDPM", Plain),
    Variant("ddpm/images", "DDPM", Images),
)
