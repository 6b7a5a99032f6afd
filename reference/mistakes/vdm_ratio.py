"""Signal-to-noise ratios as students get them wrong, and as they get them right."""

from __future__ import annotations

import torch
from torch import Tensor

from reference.mistakes.catalogue import Mistake, Variant


def _entry(values: Tensor, t: Tensor, like: Tensor) -> Tensor:
    return values[t - 1].to(like).reshape(-1, *[1] * (like.ndim - 1))


def _power(x: Tensor) -> Tensor:
    return x.square().flatten(1).sum(1)


def _trace(cov: Tensor) -> Tensor:
    return cov.diagonal(dim1=-2, dim2=-1).sum(-1)


def _of_image(x0: Tensor, t: Tensor, signal: Tensor, noise: Tensor) -> Tensor:
    power = _power(_entry(signal, t, x0) * x0)
    return power / _entry(noise, t, x0).expand_as(x0).flatten(1).sum(1)


_RATIO = (
    Mistake(
        "snr/inverted",
        "snr",
        "Does your ratio grow or fall as more noise comes in?",
        lambda alphas_cumprod: (1 - alphas_cumprod) / alphas_cumprod,
        around=lambda ratio: lambda alphas_cumprod: 1 / ratio(alphas_cumprod),
    ),
    Mistake(
        "snr/square-missing",
        "snr",
        "The ratio compares powers; yours compares amplitudes.",
        lambda alphas_cumprod: alphas_cumprod.sqrt() / (1 - alphas_cumprod).sqrt(),
        around=lambda ratio: lambda alphas_cumprod: ratio(alphas_cumprod).sqrt(),
    ),
    Mistake(
        "snr/signal-not-squared",
        "snr",
        "Both halves of the ratio are powers; look at the signal's.",
        lambda alphas_cumprod: alphas_cumprod.sqrt() / (1 - alphas_cumprod),
    ),
    Mistake(
        "snr/noise-not-squared",
        "snr",
        "Both halves of the ratio are powers; look at the noise's.",
        lambda alphas_cumprod: alphas_cumprod / (1 - alphas_cumprod).sqrt(),
    ),
    Mistake(
        "snr/share-of-the-signal",
        "snr",
        "You compare the signal with everything there is; with what should it be compared?",
        lambda alphas_cumprod: alphas_cumprod.clone(),
    ),
    Mistake(
        "snr/logarithm",
        "snr",
        "A ratio of powers is never negative; some of yours are.",
        lambda alphas_cumprod: alphas_cumprod.logit(),
        around=lambda ratio: lambda alphas_cumprod: ratio(alphas_cumprod).log(),
    ),
)

_OF_GAUSSIAN = (
    Mistake(
        "gaussian-snr/dimension-forgotten",
        "signal_to_noise",
        "Put two equal independent dimensions side by side: should the ratio change?",
        lambda mean, cov: mean.square().sum(-1) / (_trace(cov) / mean.shape[-1]),
    ),
    Mistake(
        "gaussian-snr/square-missing",
        "signal_to_noise",
        "Double the mean: by what factor should a ratio of powers grow?",
        lambda mean, cov: mean.norm(dim=-1) / _trace(cov),
    ),
    Mistake(
        "gaussian-snr/amplitudes",
        "signal_to_noise",
        "The ratio compares powers; yours compares amplitudes.",
        lambda mean, cov: mean.norm(dim=-1) / _trace(cov).sqrt(),
        around=lambda ratio: lambda mean, cov: ratio(mean, cov).sqrt(),
    ),
    Mistake(
        "gaussian-snr/summed-before-squared",
        "signal_to_noise",
        "Can two entries of the mean cancel each other's power?",
        lambda mean, cov: mean.sum(-1).square() / _trace(cov),
    ),
    Mistake(
        "gaussian-snr/determinant-for-trace",
        "signal_to_noise",
        "What is the expected squared length of the noise? Work it out for independent entries.",
        lambda mean, cov: mean.square().sum(-1) / torch.linalg.det(cov),
    ),
    Mistake(
        "gaussian-snr/every-entry-of-the-covariance",
        "signal_to_noise",
        "Which entries of the covariance say how much noise there is, and which how it is shared?",
        lambda mean, cov: mean.square().sum(-1) / cov.sum((-2, -1)),
    ),
    Mistake(
        "gaussian-snr/ratios-averaged",
        "signal_to_noise",
        "Is it one ratio of two powers, or the mean of many ratios?",
        lambda mean, cov: (mean.square() / cov.diagonal(dim1=-2, dim2=-1)).mean(-1),
    ),
    Mistake(
        "gaussian-snr/inverted",
        "signal_to_noise",
        "Does your ratio grow or fall as more noise comes in?",
        lambda mean, cov: _trace(cov) / mean.square().sum(-1),
        around=lambda ratio: lambda mean, cov: 1 / ratio(mean, cov),
    ),
)

_OF_IMAGE = (
    Mistake(
        "image-snr/dimension-forgotten",
        "image_signal_to_noise",
        "The signal is summed over all pixels; over how many is the noise?",
        lambda x0, t, alphas_cumprod: (
            _of_image(x0, t, alphas_cumprod.sqrt(), 1 - alphas_cumprod) * x0[0].numel()
        ),
        around=lambda ratio: (
            lambda x0, t, alphas_cumprod: ratio(x0, t, alphas_cumprod) * x0[0].numel()
        ),
    ),
    Mistake(
        "image-snr/step-before",
        "image_signal_to_noise",
        "You take the entry of another step; at which index does the entry of t lie?",
        lambda x0, t, alphas_cumprod: _of_image(
            x0, t - 1, alphas_cumprod.sqrt(), 1 - alphas_cumprod
        ),
        around=lambda ratio: (
            lambda x0, t, alphas_cumprod: ratio(x0, t, alphas_cumprod.roll(1, dims=0))
        ),
    ),
    Mistake(
        "image-snr/square-missing",
        "image_signal_to_noise",
        "Double the image: by what factor should a ratio of powers grow?",
        lambda x0, t, alphas_cumprod: (
            _power(_entry(alphas_cumprod.sqrt(), t, x0) * x0).sqrt()
            / (_entry(1 - alphas_cumprod, t, x0).flatten() * x0[0].numel())
        ),
    ),
    Mistake(
        "image-snr/signal-without-root",
        "image_signal_to_noise",
        "By what is the image scaled in x_t, before it is squared?",
        lambda x0, t, alphas_cumprod: _of_image(x0, t, alphas_cumprod, 1 - alphas_cumprod),
    ),
    Mistake(
        "image-snr/noise-not-squared",
        "image_signal_to_noise",
        "The covariance holds variances; what did you sum?",
        lambda x0, t, alphas_cumprod: _of_image(
            x0, t, alphas_cumprod.sqrt(), (1 - alphas_cumprod).sqrt()
        ),
    ),
    Mistake(
        "image-snr/clean-image",
        "image_signal_to_noise",
        "Is the mean of x_t as strong as the image itself?",
        lambda x0, t, alphas_cumprod: _of_image(
            x0, t, torch.ones_like(alphas_cumprod), 1 - alphas_cumprod
        ),
    ),
    Mistake(
        "image-snr/image-ignored",
        "image_signal_to_noise",
        "Two images at the same t, one bright, one dark: is the answer the same?",
        lambda x0, t, alphas_cumprod: _entry(
            alphas_cumprod / (1 - alphas_cumprod), t, x0
        ).flatten(),
    ),
    Mistake(
        "image-snr/batch-pooled",
        "image_signal_to_noise",
        "One number came back for a whole batch; each image has its own.",
        lambda x0, t, alphas_cumprod: (
            _power(_entry(alphas_cumprod.sqrt(), t, x0) * x0).sum()
            / _entry(1 - alphas_cumprod, t, x0).expand_as(x0).sum()
        ),
    ),
)

MISTAKES: tuple[Mistake, ...] = _RATIO + _OF_GAUSSIAN + _OF_IMAGE

VARIANTS: tuple[Variant, ...] = (
    Variant("snr/quotient", "snr", lambda alphas_cumprod: alphas_cumprod / (1 - alphas_cumprod)),
    Variant("snr/reciprocal", "snr", lambda alphas_cumprod: 1 / (1 / alphas_cumprod - 1)),
    Variant(
        "snr/logs",
        "snr",
        lambda alphas_cumprod: torch.exp(alphas_cumprod.log() - torch.log1p(-alphas_cumprod)),
    ),
    Variant(
        "snr/squared-amplitudes",
        "snr",
        lambda alphas_cumprod: (alphas_cumprod.sqrt() / (1 - alphas_cumprod).sqrt()) ** 2,
    ),
    Variant(
        "snr/step-by-step",
        "snr",
        lambda alphas_cumprod: torch.stack([left / (1.0 - left) for left in alphas_cumprod]),
    ),
    Variant(
        "snr/widened",
        "snr",
        lambda alphas_cumprod: (
            alphas_cumprod.double().div(1 - alphas_cumprod.double()).to(alphas_cumprod)
        ),
    ),
    Variant(
        "gaussian-snr/trace",
        "signal_to_noise",
        lambda mean, cov: mean.square().sum(-1) / _trace(cov),
    ),
    Variant(
        "gaussian-snr/norm",
        "signal_to_noise",
        lambda mean, cov: mean.norm(dim=-1) ** 2 / torch.einsum("...ii->...", cov),
    ),
    Variant(
        "gaussian-snr/eigenvalues",
        "signal_to_noise",
        lambda mean, cov: (
            torch.einsum("...d,...d->...", mean, mean) / torch.linalg.eigvalsh(cov).sum(-1)
        ),
    ),
    Variant(
        "gaussian-snr/masked",
        "signal_to_noise",
        lambda mean, cov: (
            (mean * mean).sum(dim=-1) / (cov * torch.eye(cov.shape[-1]).to(cov)).sum(dim=(-2, -1))
        ),
    ),
    Variant(
        "gaussian-snr/one-by-one",
        "signal_to_noise",
        lambda mean, cov: torch.stack(
            [
                torch.dot(m, m) / torch.trace(c)
                for m, c in zip(
                    mean.reshape(-1, mean.shape[-1]), cov.reshape(-1, *cov.shape[-2:]), strict=True
                )
            ]
        ).reshape(mean.shape[:-1]),
    ),
    Variant(
        "image-snr/powers",
        "image_signal_to_noise",
        lambda x0, t, alphas_cumprod: _of_image(x0, t, alphas_cumprod.sqrt(), 1 - alphas_cumprod),
    ),
    Variant(
        "image-snr/mean-of-squares",
        "image_signal_to_noise",
        lambda x0, t, alphas_cumprod: (
            (alphas_cumprod / (1 - alphas_cumprod))[t - 1] * (x0 * x0).flatten(1).mean(1)
        ),
    ),
    Variant(
        "image-snr/full-covariance",
        "image_signal_to_noise",
        lambda x0, t, alphas_cumprod: (
            alphas_cumprod[t - 1]
            * _power(x0)
            / _trace((1 - alphas_cumprod[t - 1])[:, None, None] * torch.eye(x0[0].numel()).to(x0))
        ),
    ),
    Variant(
        "image-snr/loop",
        "image_signal_to_noise",
        lambda x0, t, alphas_cumprod: torch.stack(
            [
                (left.sqrt() * image).norm() ** 2 / ((1 - left) * image.numel())
                for image, left in zip(x0, alphas_cumprod[t - 1], strict=True)
            ]
        ),
    ),
)
