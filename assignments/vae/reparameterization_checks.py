"""Checks of the sample that gradients pass through."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from assignments.vae.definitions import sample_slopes
from grader.checks import (
    Array,
    Expected,
    Subject,
    as_array,
    check,
    coupling,
    evidence,
    expect,
    expect_close,
    expect_shape,
    expect_standard_normal,
)
from grader.checks.exact_null import detects

ALPHA, ROWS, COLUMNS = 1e-9, 4096, 8
_CYCLE = np.arange(ROWS * COLUMNS).reshape(ROWS, COLUMNS)
MEAN = np.asarray([-2.0, 0.5, 1.0], np.float32)[_CYCLE % 3]
STD = np.asarray([0.25, 0.5, 2.0, 1.0], np.float32)[_CYCLE % 4]


def _std_off(wrong: Callable[[Array], Array]) -> float:
    return abs(float(np.sqrt(np.mean((wrong(STD) / STD) ** 2))) - 1)


@check(
    "reparameterization",
    points=1.0,
    alpha=ALPHA,
    detects=detects(
        (ROWS, COLUMNS),
        ALPHA,
        {
            "reparam/var-as-std": ("std", _std_off(np.square)),
            "reparam/root-of-std": ("std", _std_off(np.sqrt)),
            "reparam/std-as-log-std": ("std", _std_off(np.exp)),
            "reparam/std-as-log-var": ("std", _std_off(lambda std: np.exp(std / 2))),
            "reparam/mean-only": ("std", 1.0),
            "reparam/shared-noise": ("columns", 1.0),
            "reparam/noise-shared-over-dims": ("rows", 1.0),
            "reparam/uniform-noise": ("mean", 0.5),
            # Largest distance between the distribution functions of U(-3^0.5, 3^0.5) and N(0, 1).
            "reparam/centred-uniform-noise": ("shape", 0.057),
        },
    ),
)
def samples_follow_the_gaussian(subject: Subject, seed: Callable[[str], int]) -> None:
    """Samples follow N(mean, std^2), each with noise of its own."""
    one_seed = seed("law")
    sample = as_array(subject.call("sample_reparameterize", MEAN, STD, seed=one_seed))
    expect_shape(sample, MEAN.shape)
    expect(
        sample.dtype == MEAN.dtype,
        f"mean and std are {MEAN.dtype}, your sample is {sample.dtype}.",
    )
    parts = coupling.mean_coefficient(
        lambda mean: subject.call("sample_reparameterize", mean, STD, seed=one_seed), 8 * MEAN
    )
    evidence(mean_proved=parts is not None and parts.proves(Expected(8.0 * MEAN)))
    expect_standard_normal((sample.astype(np.float64) - MEAN) / STD, alpha=ALPHA)


@check("reparameterization", points=0.25)
def noise_is_fresh(subject: Subject) -> None:
    """Another seed gives other noise: the function sets no seed of its own."""
    first, second = subject.repeat("sample_reparameterize", MEAN[:4], STD[:4], seeds=(1, 2))
    same = np.array_equal(as_array(first), as_array(second))
    expect(
        not same, "Two calls under different seeds gave the very same sample: is a seed set inside?"
    )


@check("reparameterization", points=0.75)
def gradients_reach_mean_and_std(subject: Subject) -> None:
    """The sample moves one to one with the mean, and with std as the noise does."""
    mean, std = MEAN[:6], STD[:6]
    sample, slopes = subject.gradient("sample_reparameterize", mean, std, wrt=(0, 1), seed=1)
    expect_shape(sample, mean.shape)
    expected = sample_slopes(as_array(sample), mean, std)
    for name, slope, right in zip(("mean", "std"), slopes, expected, strict=True):
        expect(np.any(slope), f"No gradient reaches {name} through your sample.")
        expect_close(
            slope,
            right,
            function=f"sample's gradient with respect to {name}",
            message=f"That is not how the sample moves when {name} does.",
        )
