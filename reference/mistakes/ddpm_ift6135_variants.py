# ruff: noqa: D102 - the methods and arguments are the sheet's
"""IFT6135's `DenoiseDiffusion` in the ways that people write it when it is right."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from reference.mistakes.catalogue import Variant


class Gathered:
    """The published skeleton, filled in; noise at the last step, too, as the sheet leaves it."""

    def __init__(self, eps_model: nn.Module, n_steps: int, device: Any) -> None:
        super().__init__()
        self.eps_model = eps_model
        self.beta = torch.linspace(0.0001, 0.02, n_steps).to(device)
        self.alpha = 1.0 - self.beta
        self.alpha_bar = torch.cumprod(self.alpha, dim=0)
        self.n_steps = n_steps
        self.sigma2 = self.beta

    def gather(self, c: Tensor, t: Tensor) -> Tensor:
        return c.gather(-1, t).reshape(-1, 1, 1, 1)

    def q_xt_x0(self, x0: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
        alpha_bar = self.gather(self.alpha_bar, t)
        return alpha_bar**0.5 * x0, 1 - alpha_bar

    def q_sample(self, x0: Tensor, t: Tensor, eps: Tensor | None = None) -> Tensor:
        if eps is None:
            eps = torch.randn_like(x0)
        mean, var = self.q_xt_x0(x0, t)
        return mean + var**0.5 * eps

    def p_xt_prev_xt(self, xt: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
        eps_theta = self.eps_model(xt, t)
        alpha, alpha_bar = self.gather(self.alpha, t), self.gather(self.alpha_bar, t)
        eps_coef = (1 - alpha) / (1 - alpha_bar) ** 0.5
        return 1 / alpha**0.5 * (xt - eps_coef * eps_theta), self.gather(self.sigma2, t)

    def p_sample(self, xt: Tensor, t: Tensor, set_seed: bool = False) -> Tensor:
        if set_seed:
            torch.manual_seed(42)
        mean, var = self.p_xt_prev_xt(xt, t)
        return mean + var**0.5 * torch.randn(xt.shape, device=xt.device)

    def loss(self, x0: Tensor, noise: Tensor | None = None, set_seed: bool = False) -> Tensor:
        if set_seed:
            torch.manual_seed(42)
        t = torch.randint(0, self.n_steps, (x0.shape[0],), device=x0.device, dtype=torch.long)
        if noise is None:
            noise = torch.randn_like(x0)
        return F.mse_loss(noise, self.eps_model(self.q_sample(x0, t, noise), t))


class Indexed(nn.Module):
    """Buffers, plain indexing, a loss summed over the entries, silent at t = 0, whole variances."""

    beta: Tensor
    bar: Tensor

    def __init__(self, eps_model: nn.Module, n_steps: int, device: Any) -> None:
        super().__init__()
        self.net, self.n = eps_model, n_steps
        self.register_buffer("beta", torch.linspace(1e-4, 0.02, n_steps, device=device))
        self.register_buffer("bar", torch.exp(torch.cumsum(torch.log1p(-self.beta), 0)))

    def _at(self, values: Tensor, t: Tensor) -> Tensor:
        return values[t][:, None, None, None]

    def q_xt_x0(self, x0: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
        bar = self._at(self.bar, t)
        return bar.sqrt() * x0, (1 - bar).expand_as(x0)

    def q_sample(self, x0: Tensor, t: Tensor, eps: Tensor | None = None) -> Tensor:
        noise = torch.randn(x0.shape) if eps is None else eps
        bar = self._at(self.bar, t)
        return x0 * bar.sqrt() + noise * (1 - bar).sqrt()

    def p_xt_prev_xt(self, xt: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
        beta, bar = self._at(self.beta, t), self._at(self.bar, t)
        before = bar / (1 - beta)
        clean = (xt - (1 - bar).sqrt() * self.net(xt, t)) / bar.sqrt()
        mean = before.sqrt() * beta / (1 - bar) * clean
        mean = mean + (1 - beta).sqrt() * (1 - before) / (1 - bar) * xt
        return mean, beta.expand_as(xt)

    @torch.no_grad()
    def p_sample(self, xt: Tensor, t: Tensor) -> Tensor:
        mean, var = self.p_xt_prev_xt(xt, t)
        if t[0] == 0:
            return mean
        return mean + torch.sqrt(var) * torch.randn_like(xt)

    def loss(self, x0: Tensor, noise: Tensor | None = None) -> Tensor:
        noise = torch.randn_like(x0) if noise is None else noise
        t = torch.randint(0, self.n, x0.shape[:1])
        predicted = self.net(self.q_sample(x0, t, noise), t)
        squares: Tensor = (noise - predicted).pow(2)
        return squares.flatten(1).sum(1).mean()


class Numbers:
    """NumPy's schedule, one example after the other, `torch.distributions`."""

    def __init__(self, eps_model: nn.Module, n_steps: int, device: Any) -> None:
        self.model, self.n_steps, self.device = eps_model, n_steps, torch.device(device)
        self.betas = np.linspace(0.0001, 0.02, n_steps, dtype=np.float32)
        self.bars = np.cumprod(1 - self.betas)

    def _columns(self, values: Any, t: Tensor) -> Tensor:
        return torch.tensor([float(values[int(i)]) for i in t]).view(-1, 1, 1, 1)

    def q_xt_x0(self, x0: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
        bars = self._columns(self.bars, t)
        return torch.stack([x * b.sqrt() for x, b in zip(x0, bars, strict=True)]), 1 - bars

    def q_sample(self, x0: Tensor, t: Tensor, eps: Tensor | None = None) -> Tensor:
        mean, var = self.q_xt_x0(x0, t)
        if eps is None:
            law: Any = torch.distributions.Normal(mean, var.sqrt().expand_as(mean))
            drawn: Tensor = law.sample()
            return drawn
        return torch.addcmul(mean, var.sqrt().expand_as(mean), eps)

    def p_xt_prev_xt(self, xt: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
        beta, bar = self._columns(self.betas, t), self._columns(self.bars, t)
        step = beta / torch.sqrt(1 - bar) * self.model(xt, t)
        return (xt - step) * torch.rsqrt(1 - beta), beta

    def p_sample(self, xt: Tensor, t: Tensor) -> Tensor:
        mean, var = self.p_xt_prev_xt(xt, t)
        moving = (t > 0).float().view(-1, 1, 1, 1)
        return mean + moving * var.sqrt() * torch.randn(*xt.shape)

    def loss(self, x0: Tensor, noise: Tensor | None = None) -> Tensor:
        t = torch.randint(self.n_steps, (len(x0),), device=self.device)
        noise = torch.randn_like(x0) if noise is None else noise
        return torch.square(self.model(self.q_sample(x0, t, eps=noise), t) - noise).mean()


VARIANTS: tuple[Variant, ...] = (
    Variant("denoise-diffusion/gathered", "DenoiseDiffusion", Gathered),
    Variant("denoise-diffusion/indexed", "DenoiseDiffusion", Indexed),
    Variant("denoise-diffusion/numbers", "DenoiseDiffusion", Numbers),
)
