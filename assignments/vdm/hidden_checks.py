"""Hidden checks of variational diffusion: at realistic sizes, most of them by the reference.

Inputs are float32, so that whatever precision a solution keeps its intermediate numbers in, it
is judged in that of its inputs; the reference works on the same numbers in float64.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch

from assignments.vdm.bound_checks import judge_bounds
from assignments.vdm.definitions import ratio, squared_error, weights, weights_of_betas
from assignments.vdm.own import (
    OF_WEIGHTS,
    consistency_of_own_weights,
    images_of_own_gaussian,
    images_of_own_ratio,
    weights_of_own_ratio,
)
from grader.checks import (
    Array,
    Expected,
    Subject,
    check,
    expect_all_close,
    expect_close,
    judge_by_any,
)
from reference import vdm

_SHAPES = ((6, 5), (4, 1, 4, 4), (3, 3, 2, 4))


def long_schedules() -> list[Array]:
    """Betas in float32: linear of 200 steps, of 20 larger ones, and growing by a factor."""
    return [
        np.linspace(*ends, dtype=np.float32) for ends in ((1e-3, 0.05, 200), (0.02, 0.4, 20))
    ] + [np.geomspace(0.01, 0.9, 12, dtype=np.float32)]


def long_lefts() -> list[Array]:
    """alpha-bar of each schedule in float32."""
    return [
        np.cumprod(1 - betas.astype(np.float64)).astype(np.float32) for betas in long_schedules()
    ]


def reference_of(function: Callable[..., Any], given: Sequence[Any]) -> Array:
    """The reference's answer in float64."""
    wide = [
        torch.from_numpy(part.astype(np.float64) if part.dtype.kind == "f" else part)
        if isinstance(part, np.ndarray)
        else part
        for part in given
    ]
    return np.asarray(function(*wide))


def of_size(function: Callable[..., Any], given: Sequence[Any], like: Expected) -> Expected:
    """The reference's answer with the scale that the definition states."""
    return Expected(reference_of(function, given), like.scale)


@check("snr", points=0.5)
def ratio_agrees_on_long_schedules(subject: Subject) -> None:
    """The ratio is right at every timestep of long schedules."""
    answers = subject.map("snr", [(left,) for left in long_lefts()])
    expected = [of_size(vdm.snr, (left,), ratio(left)) for left in long_lefts()]
    expect_all_close(answers, expected, given=[(left,) for left in long_lefts()])


@check("gaussian-snr", points=0.5)
def ratio_agrees_in_many_dimensions(subject: Subject, seed: Callable[[str], int]) -> None:
    """The ratio is right for correlated Gaussians of up to twelve dimensions, in batches."""
    rng = np.random.default_rng(seed("gaussians"))
    given = []
    for size in (2, 5, 12):
        root = rng.normal(0, 1, (3, size, size))
        cov = root @ root.swapaxes(-1, -2) + np.eye(size)
        given.append(tuple(a.astype(np.float32) for a in (rng.normal(1, 1, (3, size)), cov)))
    expected = [Expected(reference_of(vdm.signal_to_noise, each)) for each in given]
    expect_all_close(subject.map("signal_to_noise", given), expected, given=given)


@check("image-snr", points=0.5)
def ratio_agrees_on_images(subject: Subject, seed: Callable[[str], int]) -> None:
    """The ratio is right for images with channels, each at a timestep of its own."""
    given = [(x0, t, left) for x0, _, t, left in _examples(seed("images"), first=1)]
    right = []
    for x0, t, left in given:
        value = reference_of(vdm.image_signal_to_noise, (x0, t, left))
        right.append(Expected(value, value / (1 - left[t - 1].astype(np.float64))))
    answers = subject.map("image_signal_to_noise", given)
    judge_by_any(
        lambda values: expect_all_close(answers, values, given=given),
        right,
        [
            lambda: images_of_own_gaussian(subject, given, right),
            lambda: images_of_own_ratio(subject, given, right),
        ],
    )


@check("weights", points=0.75)
def weights_agree_on_long_schedules(subject: Subject) -> None:
    """The weights are right at every timestep of long schedules."""
    given = [(betas,) for betas in long_schedules()]
    right = [of_size(vdm.x0_loss_weights, each, weights_of_betas(*each)) for each in given]
    answers = subject.map("x0_loss_weights", given)
    judge_by_any(
        lambda values: expect_all_close(answers, values, given=given),
        right,
        [lambda: weights_of_own_ratio(subject, long_lefts(), right)],
    )


@check("snr-weights", points=0.75)
def weights_by_the_ratio_agree_on_long_schedules(subject: Subject) -> None:
    """Written by the ratio, the weights are right at every timestep of long schedules."""
    given = [(left,) for left in long_lefts()]
    right = [of_size(vdm.x0_loss_weights_from_snr, each, weights(*each)) for each in given]
    answers = subject.map("x0_loss_weights_from_snr", given)
    judge_by_any(
        lambda values: expect_all_close(answers, values, given=given),
        right,
        [lambda: weights_of_own_ratio(subject, long_lefts(), right)],
    )


@check("reconstruction", points=0.5)
def reconstruction_agrees_on_images(subject: Subject, seed: Callable[[str], int]) -> None:
    """The log-density is right for images, under sharp decoders and under blurred ones."""
    rng = np.random.default_rng(seed("images"))
    for shape in _SHAPES:
        x0, guess = rng.normal(0, 1, (2, *shape)).astype(np.float32)
        for variance in (0.125, 0.5, 3.0):
            given = (x0, guess, variance)
            value = reference_of(vdm.reconstruction_term, given)
            _, size = squared_error(x0, Expected(guess))
            scale = size / (2 * variance) + 2 * x0[0].size
            answer = subject.call("reconstruction_term", *given)
            expect_close(answer, Expected(value, scale), given=(x0, guess, np.float32(variance)))


@check("consistency", points=0.5)
def consistency_agrees_on_images(subject: Subject, seed: Callable[[str], int]) -> None:
    """The divergence is right for images, each at a timestep of its own."""
    given = _examples(seed("images"), first=2)
    exact = [(x0, Expected(guess), t, left) for x0, guess, t, left in given]
    right = []
    for each, (x0, guess, t, left) in zip(given, exact, strict=True):
        _, size = squared_error(x0, guess)
        scale = weights(left).scale
        assert scale is not None
        right.append(Expected(reference_of(vdm.consistency_term, each), scale[t - 2] * size))
    answers = subject.map("consistency_term", given)
    judge_by_any(
        lambda values: expect_all_close(answers, values, given=given),
        right,
        (partial(consistency_of_own_weights, way, subject, exact, weights) for way in OF_WEIGHTS),
    )


@check("bound", points=0.75)
def bound_agrees_on_images(subject: Subject, seed: Callable[[str], int]) -> None:
    """The three terms are right for images, on chains of many steps and of few."""
    rng = np.random.default_rng(seed("images"))
    given = []
    for shape, left in zip(_SHAPES, long_lefts(), strict=True):
        short = left[:: max(1, len(left) // 12)]
        x0, noise = rng.normal(0, 1, shape), rng.normal(0, 1, (len(short), *shape))
        given.append((x0.astype(np.float32), noise.astype(np.float32), short, 0.5))
    judge_bounds(subject, given)


def _examples(seed: int, first: int) -> list[tuple[Array, Array, Array, Array]]:
    """Images, predictions, timesteps and alpha-bar, a set for each shape."""
    rng = np.random.default_rng(seed)
    made = []
    for shape, left in zip(_SHAPES, long_lefts(), strict=True):
        x0, guess = rng.normal(0, 1, (2, *shape)).astype(np.float32)
        t = rng.integers(first, len(left) + 1, shape[0])
        made.append((x0, guess, t, left))
    return made
