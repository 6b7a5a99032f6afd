"""Checks of the bound where all is closed form: z ~ N(0, I), x = W z + b + noise.

There the bound is log p(x) less the divergence of q from the posterior, which Bayes' rule gives.
"""

from __future__ import annotations

import math

import numpy as np

from grader.checks import Array, Expected, Subject, as_array, check, expect, expect_all_close

# x (B, N), weight (N, D), bias (N,), noise_var (), mean and log_std (B, D).
Given = dict[str, Array]


def models() -> list[Given]:
    """Linear Gaussian models, observations and approximate posteriors, simplest first."""
    values = np.asarray([1.0, -0.5, 0.25, 0.75, -1.0, 1.5, -0.25])

    def entries(shape: tuple[int, ...], start: int) -> Array:
        return np.resize(np.roll(values, -start), shape).astype(np.float32)

    return [
        {
            "x": entries((batch, pixels), start),
            "weight": entries((pixels, latents), start + 1) * (start > 0),
            "bias": entries((pixels,), start + 2),
            "noise_var": np.asarray((1.0, 0.5, 2.0, 0.25)[start % 4], np.float32),
            "mean": entries((batch, latents), start + 3) * (start > 1),
            "log_std": entries((batch, latents), start + 4) * (start > 2),
        }
        for batch, pixels, latents in ((1, 1, 1), (1, 2, 1), (2, 3, 2), (3, 4, 3), (2, 2, 5))
        for start in range(6)
    ]


def log_evidence(given: Given) -> Array:
    """Log p(x) of each observation, (B,), from the normal law of x."""
    x, weight, bias, noise_var = (
        np.asarray(given[name], np.float64) for name in ("x", "weight", "bias", "noise_var")
    )
    covariance = weight @ weight.T + noise_var * np.eye(len(bias))
    centred = x - bias
    squares = (centred * np.linalg.solve(covariance, centred.T).T).sum(axis=1)
    log_det: float = np.linalg.slogdet(2 * math.pi * covariance)[1]
    evidence: Array = -0.5 * (squares + log_det)
    return evidence


def gap(given: Given) -> Array:
    """KL of q from the posterior of each observation, (B,)."""
    x, weight, bias, mean = (
        np.asarray(given[name], np.float64) for name in ("x", "weight", "bias", "mean")
    )
    noise_var, var = float(given["noise_var"]), np.exp(2 * given["log_std"].astype(np.float64))
    precision = np.eye(weight.shape[1]) + weight.T @ weight / noise_var
    off = mean - np.linalg.solve(precision, weight.T @ (x - bias).T / noise_var).T  # (B, D)
    squares = np.einsum("bd,de,be->b", off, precision, off)
    log_dets = np.log(var).sum(axis=1) + np.linalg.slogdet(precision)[1]
    kl: Array = 0.5 * (var @ np.diag(precision) + squares - mean.shape[1] - log_dets)
    return kl


def bound(given: Given) -> Expected:
    """Log p(x) less the gap, and the sum of the absolute terms of the bound itself."""
    size = {name: np.abs(np.asarray(part, np.float64)) for name, part in given.items()}
    # exp(2 log_std) loses as many digits as its argument is large.
    var = np.exp(2 * given["log_std"].astype(np.float64)) * (1 + 2 * size["log_std"])
    reached = size["x"] + size["bias"] + size["mean"] @ size["weight"].T  # (B, N)
    spread = (var @ (size["weight"] ** 2).T).sum(axis=1)
    # The logarithms of 2 pi and of the variance may be taken apart.
    logs = math.log(2 * math.pi) + abs(math.log(float(given["noise_var"])))
    pixels = size["x"].shape[1] * logs
    likelihood = ((reached**2).sum(axis=1) + spread) / size["noise_var"] + pixels
    prior = (size["mean"] ** 2 + var + 1 + 2 * size["log_std"]).sum(axis=1)
    says = "log p(x) less the divergence of q from the posterior"
    return Expected(log_evidence(given) - gap(given), likelihood + prior, says)


@check("bound", points=0.75)
def gap_is_the_divergence_from_the_posterior(subject: Subject) -> None:
    """The bound lies below log p(x) by KL(q || posterior), for every q."""
    inputs = models()
    answers = subject.map("linear_gaussian_elbo", [tuple(given.values()) for given in inputs])
    expect_all_close(answers, [bound(given) for given in inputs], given=inputs)


@check("bound", points=0.25)
def bound_never_exceeds_the_evidence(subject: Subject) -> None:
    """No q lifts the bound above log p(x)."""
    inputs = models()
    answers = subject.map("linear_gaussian_elbo", [tuple(given.values()) for given in inputs])
    for given, answer in zip(inputs, answers, strict=True):
        found, evidence = as_array(answer).astype(np.float64), log_evidence(given)
        expected = bound(given)
        reach = np.max(expected.tolerance(np.dtype(np.float32)))
        expect(
            np.max(found) <= np.max(evidence) + reach
            and (found.shape != evidence.shape or np.all(found <= evidence + reach)),
            "Your bound lies above log p(x): a bound from below never does.",
            log_evidence=evidence,
            bound=found,
        )
