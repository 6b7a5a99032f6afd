"""How far right answers stray from what the VAE's checks compare with, over random inputs.

Inputs, variants and seeds are made here; expected values, scales and the rule that compares are
those of the checks, which test_vae_comparisons.py runs whole. Latents and pixels number from 1 to
4096, magnitudes run from a thousandth of a standard deviation to tens of them, and every second
batch is in float64.
"""

from __future__ import annotations

import itertools
import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import pytest

from assignments.vae import definitions, hidden_checks
from grader.checks.comparison import compare
from grader.checks.expected import ROUNDINGS, Expected, precision
from grader.checks.subject import Array, Callback
from grader.kernel.local import LocalSubject
from reference.mistakes.vae import VARIANTS
from tests.thinned import thinned

pytestmark = pytest.mark.calibration

INPUTS = 100_000  # at least, for each variant
# Inputs at each magnitude, by the number of latents or pixels.
AT_SIZE = {1: 15_000, 8: 9_000, 128: 1_500, 4096: 100}
# Standard deviations of means and of log variances.
MAGNITUDES = ((1.0, 1.0), (0.01, 0.01), (10.0, 4.0), (1e-3, 1e-4))
SPREADS = (1e-3, 1.0, 10.0, 30.0)  # of logits
PICTURES = {1: (1, 1), 8: (2, 4), 128: (8, 16), 4096: (64, 64)}
MOST_NUMBERS = 200_000  # in one array


Right = Callable[[Any], Sequence[Expected]]  # takes the answer, on which it may depend


class Asked(NamedTuple):
    """One call, or a gradient where `wrt` is given, and what is expected of it."""

    inputs: int  # random inputs in this call
    args: tuple[Any, ...]
    right: Right
    wrt: tuple[int, ...] = ()
    seed: int | None = None


Experiment = Callable[[np.random.Generator, float], Iterator[Asked]]


def always(*right: Expected) -> Right:
    return lambda _: right


class Kind(NamedTuple):
    """What the numbers of a batch are like."""

    magnitude: int  # number of it
    dtype: Any


PRECISIONS = (np.float32, np.float64)


def chunks(share: float, most_numbers: int = MOST_NUMBERS) -> Iterator[tuple[int, int, Kind]]:
    """Rows and columns of each batch, half of each magnitude in either precision."""
    for (columns, rows), number in itertools.product(AT_SIZE.items(), range(4)):
        for dtype in PRECISIONS:
            left = math.ceil(share * rows / 2)
            while left > 0:
                taken = max(1, min(left, most_numbers // columns))
                yield taken, columns, Kind(number, dtype)
                left -= taken


def gaussians(generator: np.random.Generator, shape: tuple[int, ...], kind: Kind) -> Any:
    """Means and log standard deviations."""
    mean, log_var = MAGNITUDES[kind.magnitude]
    means = mean * generator.standard_normal(shape)
    log_stds = log_var / 2 * generator.standard_normal(shape)
    return means.astype(kind.dtype), log_stds.astype(kind.dtype)


def images(generator: np.random.Generator, batch: int, pixels: int, kind: Kind) -> Any:
    """Logits (B, 16, H, W) and levels (B, 1, H, W)."""
    logits = SPREADS[kind.magnitude] * generator.standard_normal((batch, 16, *PICTURES[pixels]))
    return logits.astype(kind.dtype), generator.integers(0, 16, (batch, 1, *PICTURES[pixels]))


def kl_to_prior(generator: np.random.Generator, share: float) -> Iterator[Asked]:
    for rows, columns, kind in chunks(share):
        given = gaussians(generator, (rows, columns), kind)
        yield Asked(rows, given, always(definitions.kl_to_prior(*given)))


def kl_of_the_reference(generator: np.random.Generator, share: float) -> Iterator[Asked]:
    for rows, columns, kind in chunks(share):
        given = gaussians(generator, (rows, columns), kind)
        yield Asked(rows, given, always(hidden_checks.reference_kl(*given)))


def kl_slopes(generator: np.random.Generator, share: float) -> Iterator[Asked]:
    for rows, columns, kind in chunks(share):
        given = gaussians(generator, (rows, columns), kind)
        yield Asked(rows, given, always(*definitions.kl_slopes(*given)), wrt=(0, 1))


def kl_of_two(generator: np.random.Generator, share: float) -> Iterator[Asked]:
    rows = math.ceil(share * INPUTS / 8)
    for kind in itertools.starmap(Kind, itertools.product(range(4), PRECISIONS)):
        (mean_q, log_std_q), (mean_p, log_std_p) = (
            gaussians(generator, (rows,), kind) for _ in "qp"
        )
        given = (mean_q, np.exp(2 * log_std_q), mean_p, np.exp(2 * log_std_p))
        yield Asked(rows, given, always(definitions.kl_of_two(*given)))


class RandomDecoder:
    """Answers every latent with logits of its own, whatever the latent is."""

    def __init__(self, generator: np.random.Generator, pixels: int, kind: Kind) -> None:
        self._draw = lambda count: images(generator, count, pixels, kind)[0]
        self._logits: list[Array] = []

    def __call__(self, z: Array) -> Array:
        self._logits.append(self._draw(len(z)))
        return self._logits[-1]

    def right(self, x: Array, draws: int) -> list[Expected]:
        """The estimate for each image, from latents of its own or from those that all share."""
        logits, self._logits = np.concatenate(self._logits), []
        used = np.resize(np.arange(len(logits)), (len(x), draws))
        found = [
            definitions.log_mean_likelihood(x[i : i + 1], logits[used[i]]) for i in range(len(x))
        ]
        values = np.concatenate([each.value for each in found])
        return [Expected(values, np.concatenate([definitions.scale_of(each) for each in found]))]


def monte_carlo(generator: np.random.Generator, share: float) -> Iterator[Asked]:
    draws = 4
    for rows, pixels, kind in chunks(share, most_numbers=2_000):
        _, x = images(generator, rows, pixels, kind)
        decoder = RandomDecoder(generator, pixels, kind)
        right = partial(lambda of, x, _: of.right(x, draws), decoder, x)
        yield Asked(rows, (x, Callback(decoder), draws), right)


def sample_slopes(generator: np.random.Generator, share: float) -> Iterator[Asked]:
    for rows, columns, kind in chunks(share):
        mean, log_std = gaussians(generator, (rows, columns), kind)
        std = np.exp(log_std)
        right = partial(lambda m, s, sample: definitions.sample_slopes(sample, m, s), mean, std)
        yield Asked(rows, (mean, std), right, wrt=(0, 1), seed=1)


def reconstruction(generator: np.random.Generator, share: float) -> Iterator[Asked]:
    # A loss is one number for its batch, so every input is a call.
    for _, pixels, kind in chunks(share, most_numbers=1):
        given = images(generator, int(generator.integers(1, 4)), pixels, kind)
        yield Asked(1, given, always(definitions.negative_log_likelihood(*given)))


def loss(generator: np.random.Generator, share: float) -> Iterator[Asked]:
    for _, size, kind in chunks(share, most_numbers=1):
        batch = int(generator.integers(1, 4))
        latents = gaussians(generator, (batch, size), kind)
        given = (*images(generator, batch, size, kind), *latents)
        yield Asked(1, given, always(definitions.negative_bound(*given)))


def loss_slopes(generator: np.random.Generator, share: float) -> Iterator[Asked]:
    for rows, size, kind in chunks(share):
        logits, x = images(generator, rows, size, kind)
        latents = gaussians(generator, (rows, size), kind)
        right = always(
            definitions.likelihood_slope(logits, x),
            *definitions.averaged(definitions.kl_slopes(*latents), rows),
        )
        yield Asked(rows, (logits, x, *latents), right, wrt=(0, 2, 3))


def bits(generator: np.random.Generator, share: float) -> Iterator[Asked]:
    for rows, size, kind in chunks(share):
        channels = int(generator.integers(1, 4))
        shape = [rows, channels, *PICTURES[size]]
        spread = MAGNITUDES[kind.magnitude][0] * channels * size
        # No check asks for lengths in float64, where a constant made by torch.tensor(1.0) is honest
        # and leaves the digits of float32.
        nats = (spread * generator.exponential(size=rows)).astype(np.float32)
        yield Asked(rows, (nats, shape), always(definitions.bits_per_dimension(nats, shape)))


EXPERIMENTS: dict[str, tuple[str, Experiment]] = {
    "KL of two": ("gaussian_kl", kl_of_two),
    "KL to the prior": ("KLD", kl_to_prior),
    "KL of the reference": ("KLD", kl_of_the_reference),
    "gradient of the KL": ("KLD", kl_slopes),
    "Monte Carlo": ("log_likelihood_mc", monte_carlo),
    "gradient of a sample": ("sample_reparameterize", sample_slopes),
    "reconstruction": ("reconstruction_loss", reconstruction),
    "loss": ("elbo_loss", loss),
    "gradient of the loss": ("elbo_loss", loss_slopes),
    "bits per dimension": ("elbo_to_bpd", bits),
}


def answers_of(subject: LocalSubject, variant: str, asked: Asked) -> tuple[Any, Sequence[Any]]:
    """What the variant returns, and what is to be compared."""
    if asked.wrt:
        return subject.gradient(variant, *asked.args, wrt=asked.wrt, seed=asked.seed)
    answer = subject.call(variant, *asked.args, seed=asked.seed)
    return answer, [answer]


def roundings(answer: Array, right: Expected, given: Sequence[Any]) -> float:
    """Largest error in the unit in which ROUNDINGS is the limit."""
    unit = right.tolerance(precision(answer, given)) / ROUNDINGS
    return float(np.max(np.abs(answer - right.value) / unit))


def assert_right_variants_pass(name: str, share: float) -> Counter[str]:
    """Asks every variant; tells how many inputs each of them met."""
    function, experiment = EXPERIMENTS[name]
    variants = {v.id: v.code for v in VARIANTS if v.function == function}
    subject = LocalSubject(variants)
    met: Counter[str] = Counter()
    largest: dict[str, float] = defaultdict(float)
    for asked in experiment(np.random.default_rng(20), share):
        for variant in variants:
            answer, compared = answers_of(subject, variant, asked)
            for number, right in zip(compared, asked.right(answer), strict=True):
                # The checks of losses take one number with an axis of its own for the number.
                one = np.shape(right.value) == () and np.shape(number) == (1,)
                found = np.reshape(number, ()) if one else np.asarray(number)
                assert compare(found, right, list(asked.args)) is None, variant
                largest[variant] = max(largest[variant], roundings(found, right, asked.args))
            met[variant] += asked.inputs
    assert 0 < max(largest.values()) <= ROUNDINGS
    for variant, units in largest.items():
        print(f"{name}: {variant}: {met[variant]} inputs, largest error {units:.2f} of {ROUNDINGS}")
    return met


@pytest.mark.parametrize("name", thinned(EXPERIMENTS, 3))
def test_no_right_variant_strays(name: str) -> None:
    assert assert_right_variants_pass(name, share=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize("name", EXPERIMENTS)
def test_no_right_variant_strays_over_a_hundred_thousand_inputs(name: str) -> None:
    met = assert_right_variants_pass(name, share=1)
    assert min(met.values()) >= INPUTS
