"""Weights of the x_0 loss as students get them wrong, and as they get them right."""

from __future__ import annotations

import torch
from torch import Tensor

from reference.mistakes.catalogue import Mistake, Variant


def _left(betas: Tensor) -> tuple[Tensor, Tensor]:
    left = torch.cumprod(1 - betas, 0)
    return left[:-1], left[1:]


def _posterior_variance(betas: Tensor) -> Tensor:
    before, left = _left(betas)
    return betas[1:] * (1 - before) / (1 - left)


def _weights(
    signal: Tensor, added: Tensor, variance: Tensor, noise: Tensor, half: float = 0.5
) -> Tensor:
    return half * signal * added / (variance * noise)


def _right(betas: Tensor, half: float = 0.5) -> Tensor:
    before, left = _left(betas)
    return _weights(before, betas[1:] ** 2, _posterior_variance(betas), (1 - left) ** 2, half)


def _ratio(alphas_cumprod: Tensor) -> Tensor:
    return alphas_cumprod / (1 - alphas_cumprod)


def _lost(ratio: Tensor, half: float = 0.5) -> Tensor:
    return half * (ratio[:-1] - ratio[1:])


_FROM_BETAS = (
    Mistake(
        "weights/half-missing",
        "x0_loss_weights",
        "Right up to a constant factor: work out one step by hand and compare.",
        lambda betas: _right(betas, half=1.0),
        around=lambda weights: lambda betas: 2 * weights(betas),
    ),
    Mistake(
        "weights/signal-of-the-wrong-step",
        "x0_loss_weights",
        "Which alpha-bar stands in the posterior's coefficient of x_0: that of t?",
        lambda betas: _weights(
            _left(betas)[1], betas[1:] ** 2, _posterior_variance(betas), (1 - _left(betas)[1]) ** 2
        ),
    ),
    Mistake(
        "weights/noise-of-the-wrong-step",
        "x0_loss_weights",
        "Which alpha-bar stands in the denominator of the posterior's mean?",
        lambda betas: _weights(
            _left(betas)[0], betas[1:] ** 2, _posterior_variance(betas), (1 - _left(betas)[0]) ** 2
        ),
    ),
    Mistake(
        "weights/numerator-not-squared",
        "x0_loss_weights",
        "The coefficient of x_0 enters the squared error; is the whole numerator squared?",
        lambda betas: _weights(
            _left(betas)[0], betas[1:], _posterior_variance(betas), (1 - _left(betas)[1]) ** 2
        ),
    ),
    Mistake(
        "weights/denominator-not-squared",
        "x0_loss_weights",
        "The coefficient of x_0 enters the squared error; is the whole denominator squared?",
        lambda betas: _weights(
            _left(betas)[0], betas[1:] ** 2, _posterior_variance(betas), 1 - _left(betas)[1]
        ),
    ),
    Mistake(
        "weights/alpha-for-beta",
        "x0_loss_weights",
        "What is small in a gentle step: what it keeps, or what it adds?",
        lambda betas: _weights(
            _left(betas)[0],
            (1 - betas[1:]) ** 2,
            _posterior_variance(betas),
            (1 - _left(betas)[1]) ** 2,
        ),
    ),
    Mistake(
        "weights/std-for-variance",
        "x0_loss_weights",
        "Between two Gaussians of equal spread: by which power of it is the error divided?",
        lambda betas: _weights(
            _left(betas)[0],
            betas[1:] ** 2,
            _posterior_variance(betas).sqrt(),
            (1 - _left(betas)[1]) ** 2,
        ),
    ),
    Mistake(
        "weights/forward-variance",
        "x0_loss_weights",
        "Your variance is that of one forward step; which Gaussian do you compare with?",
        lambda betas: _weights(
            _left(betas)[0], betas[1:] ** 2, betas[1:], (1 - _left(betas)[1]) ** 2
        ),
    ),
)

_FROM_SNR = (
    Mistake(
        "snr-weights/difference-reversed",
        "x0_loss_weights_from_snr",
        "A weight below zero rewards errors: which of the two steps holds more signal?",
        lambda alphas_cumprod: -_lost(_ratio(alphas_cumprod)),
        around=lambda weights: lambda alphas_cumprod: -weights(alphas_cumprod),
    ),
    Mistake(
        "snr-weights/half-missing",
        "x0_loss_weights_from_snr",
        "Right up to a constant factor: work out one step by hand and compare.",
        lambda alphas_cumprod: _lost(_ratio(alphas_cumprod), half=1.0),
        around=lambda weights: lambda alphas_cumprod: 2 * weights(alphas_cumprod),
    ),
    Mistake(
        "snr-weights/wrong-step",
        "x0_loss_weights_from_snr",
        "The weight of t is what step t loses; yours is what the step after it loses.",
        lambda alphas_cumprod: _lost(
            torch.cat([_ratio(alphas_cumprod), alphas_cumprod.new_zeros(1)])
        )[1:],
    ),
    Mistake(
        "snr-weights/square-missing",
        "x0_loss_weights_from_snr",
        "The ratio compares powers; yours compares amplitudes.",
        lambda alphas_cumprod: _lost(_ratio(alphas_cumprod).sqrt()),
    ),
    Mistake(
        "snr-weights/logarithms",
        "x0_loss_weights_from_snr",
        "You subtract logarithms; the form asked for subtracts the ratios themselves.",
        lambda alphas_cumprod: _lost(alphas_cumprod.logit()),
    ),
    Mistake(
        "snr-weights/of-the-noise-loss",
        "x0_loss_weights_from_snr",
        "Your weight fits errors of the predicted noise; which error is weighted here?",
        lambda alphas_cumprod: _lost(_ratio(alphas_cumprod)) / _ratio(alphas_cumprod)[1:],
    ),
    Mistake(
        "snr-weights/inverted",
        "x0_loss_weights_from_snr",
        "Does your ratio grow or fall as more noise comes in?",
        lambda alphas_cumprod: _lost(1 / _ratio(alphas_cumprod)),
    ),
)

MISTAKES: tuple[Mistake, ...] = _FROM_BETAS + _FROM_SNR


def _step_by_step(betas: Tensor) -> Tensor:
    left, found = 1.0, torch.zeros(len(betas)).to(betas)
    for index, beta in enumerate(betas.tolist()):
        before, left = left, left * (1 - beta)
        if index > 0:
            variance = beta * (1 - before) / (1 - left)
            found[index] = before * beta**2 / (2 * variance * (1 - left) ** 2)
    return found[1:]


def _with_alphas(betas: Tensor) -> Tensor:
    alphas = 1.0 - betas
    left = alphas.cumprod(dim=0)
    before = torch.cat([torch.ones(1).to(left), left])[:-1]
    variance = (1 - alphas) * (1 - before) / (1 - left)
    numerator, denominator = before * (1 - alphas).pow(2), 2 * variance * (1 - left).pow(2)
    return numerator[1:] / denominator[1:]


def _in_a_list(alphas_cumprod: Tensor) -> Tensor:
    ratios = [left / (1 - left) for left in alphas_cumprod]
    return torch.stack([(ratios[i] - ratios[i + 1]) / 2 for i in range(len(ratios) - 1)])


VARIANTS: tuple[Variant, ...] = (
    Variant("weights/posterior", "x0_loss_weights", _right),
    Variant(
        "weights/simplified",
        "x0_loss_weights",
        lambda betas: (
            0.5 * _left(betas)[0] * betas[1:] / ((1 - _left(betas)[0]) * (1 - _left(betas)[1]))
        ),
    ),
    Variant(
        "weights/ratios",
        "x0_loss_weights",
        lambda betas: _lost(_ratio(torch.cumprod(1 - betas, 0))),
    ),
    Variant(
        "weights/squared-coefficient",
        "x0_loss_weights",
        lambda betas: (
            (_left(betas)[0].sqrt() * betas[1:] / (1 - _left(betas)[1])) ** 2
            / (2 * _posterior_variance(betas))
        ),
    ),
    Variant("weights/step-by-step", "x0_loss_weights", _step_by_step),
    Variant("weights/with-alphas", "x0_loss_weights", _with_alphas),
    Variant("snr-weights/list", "x0_loss_weights_from_snr", _in_a_list),
    Variant(
        "snr-weights/difference",
        "x0_loss_weights_from_snr",
        lambda alphas_cumprod: _lost(_ratio(alphas_cumprod)),
    ),
    Variant(
        "snr-weights/diff",
        "x0_loss_weights_from_snr",
        lambda alphas_cumprod: -torch.diff(1 / (1 / alphas_cumprod - 1)) / 2,
    ),
    Variant(
        "snr-weights/one-fraction",
        "x0_loss_weights_from_snr",
        lambda alphas_cumprod: (
            (alphas_cumprod[:-1] - alphas_cumprod[1:])
            / (2 * (1 - alphas_cumprod[:-1]) * (1 - alphas_cumprod[1:]))
        ),
    ),
    Variant(
        "snr-weights/noise-levels",
        "x0_loss_weights_from_snr",
        lambda alphas_cumprod: _lost(((1 - alphas_cumprod) / alphas_cumprod).sqrt() ** -2),
    ),
)
