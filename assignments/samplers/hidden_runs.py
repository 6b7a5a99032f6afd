"""Longer runs of the reference on a mixture, which the hidden checks compare with.

How far rounding may carry an answer is measured on the definition, as in the public checks.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import torch

from assignments.samplers import definitions
from assignments.samplers.ddim_checks import expected_ddim
from assignments.samplers.definitions import Method, expected_run
from assignments.samplers.known_data import KnownNoise, for_each
from grader.checks import Array, Expected
from reference import denoisers, samplers


def tensor(value: Any) -> torch.Tensor:
    """The same numbers for the reference, in float64."""
    return torch.from_numpy(np.asarray(value, np.float64))


# Of one dimension, so that entries do not depend on each other.
MIXTURE = denoisers.mixture_denoiser(
    tensor([0.25, 0.375, 0.375]), tensor([[-0.75], [0.25], [0.5]]), tensor([0.25, 0.5, 0.25])
)


def mixture(x: Array, sigma: Any) -> Array:
    """The mixture's denoiser for students, whatever the shape of x."""
    level = np.broadcast_to(for_each(x, sigma), x.shape).reshape(-1, 1)
    denoised = MIXTURE(tensor(x.reshape(-1, 1)), tensor(level.copy()))
    return denoised.numpy().reshape(x.shape).astype(x.dtype)


def long_run(seed: int) -> tuple[Array, Array]:
    """Drawn data of two axes, and levels at drawn distances that end in zero, float32."""
    rng = np.random.default_rng(seed)
    sigmas = 6 * np.cumprod(np.r_[1.0, rng.uniform(0.5, 0.8, 8)])
    return (6 * rng.normal(0, 1, (5, 3))).astype(np.float32), np.append(sigmas, 0).astype(
        np.float32
    )


# Each sampler written out, and what it takes beside data and levels.
METHODS: dict[str, tuple[Method, tuple[int, ...]]] = {
    "euler": (definitions.euler, ()),
    "linear_multistep": (definitions.multistep(3), (3,)),
    "dpm_solver_pp_2m": (definitions.solver, ()),
}


@cache
def end_of_long_run(name: str, seed: int) -> Expected:
    """Where the reference of a sampler ends on the mixture."""
    x, sigmas = long_run(seed)
    method, more = METHODS[name]
    flat = tensor(x.reshape(-1, 1))
    end = getattr(samplers, name)(MIXTURE, flat, tensor(sigmas), *more).numpy()
    return Expected(end.reshape(x.shape), written_out(method, seed).scale)


def written_out(method: Method, seed: int) -> Expected:
    """A method's run on the mixture."""
    x, sigmas = long_run(seed)
    return expected_run(method, lambda at, step: mixture(at, sigmas[step]), x, sigmas)


class ExactNoise(KnownNoise):
    """The exact noise model of the mixture on one schedule."""

    def __init__(self, left: Array) -> None:
        self.left = left.astype(np.float64)

    def noise(self, x_t: Array, t: Any) -> Array:
        """The prediction in float64."""
        left = self.left[np.asarray(t, int) - 1]
        sigma = np.sqrt(1 / left - 1)
        x = x_t / np.sqrt(left)
        return np.asarray((x - mixture(x, np.ravel(sigma)[0])) / sigma)


def thousand_timesteps() -> tuple[ExactNoise, Array, Array, Array]:
    """A noise model, data, ten of a thousand timesteps, and their schedule."""
    left = np.cumprod(1 - np.linspace(1e-4, 0.02, 1000)).astype(np.float32)
    x = np.asarray([[1.5, -0.75], [0.25, -2.0]], np.float32)
    return ExactNoise(left), x, np.arange(1000, 0, -100), left


@cache
def end_of_ddim() -> Expected:
    """Where the reference of DDIM ends with these."""
    model, x, timesteps, left = thousand_timesteps()
    end = samplers.ddim(
        denoisers.noise_predictor(MIXTURE, tensor(left)),
        tensor(x.reshape(-1, 1)),
        torch.from_numpy(timesteps.copy()),
        tensor(left),
    )
    return Expected(end.numpy().reshape(x.shape), expected_ddim(model, x, timesteps, left).scale)
