"""Public checks of the VAE: each decides by definition, so students may have them.

Nothing of the reference is used: expectations are integrated numerically, likelihoods are written
out in NumPy, and samplers are judged by the exact laws of their residuals.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from assignments.vae.definitions import (
    KnownDecoder,
    averaged,
    bits_per_dimension,
    follows_from_own_terms,
    image_batches,
    kl_of_the_ladder,
    kl_of_two,
    kl_slopes,
    kl_to_prior,
    likelihood_slope,
    log_mean_likelihood,
    loss_inputs,
    negative_bound,
    negative_log_likelihood,
    own_slopes,
    percentile_pairs,
    sample_slopes,
    scale_of,
)
from grader.checks import (
    Array,
    Callback,
    Expected,
    Subject,
    as_array,
    check,
    coupling,
    evidence,
    expect,
    expect_all_close,
    expect_close,
    expect_shape,
    expect_standard_normal,
    ladder,
)
from grader.checks.exact_null import detects
from grader.checks.expected import by_shape

# 1.1 KL of two univariate Gaussians


@check("gaussian-kl", points=0.75)
def gaussian_kl_is_the_log_ratio(subject: Subject) -> None:
    """KL(q || p) is E_q[log q(z) - log p(z)]."""
    inputs = ladder.combinations(
        mu_q=(0.0, 1.0, -2.0), var_q=(1.0, 4.0, 0.25), mu_p=(0.0, 3.0, 0.5), var_p=(1.0, 2.0, 0.25)
    )
    numbers = [tuple(given.values()) for given in inputs]
    answers = subject.map("gaussian_kl", numbers)
    expect_all_close(answers, by_shape(kl_of_two, numbers), given=inputs)


@check("gaussian-examples", points=0.25)
def examples_are_small_and_large(subject: Subject) -> None:
    """The first pair of Gaussians differs and is close, the second one is far apart."""
    pairs = subject.call("gaussian_examples")
    expect(
        isinstance(pairs, tuple | list) and len(pairs) == 2,
        "gaussian_examples should return two pairs of Gaussians.",
    )
    small, large = map(_pair, pairs)
    expect(small[:2] != small[2:], "The Gaussians of your first pair are the same.")
    near, far = float(kl_of_two(*small).value), float(kl_of_two(*large).value)
    evidence(first=near, second=far)
    expect(near < 0.01, f"The divergence of your first pair is {near:.4g}, not below 0.01.")
    expect(far > 10, f"The divergence of your second pair is {far:.4g}, not above 10.")


def _pair(numbers: object) -> tuple[float, ...]:
    expect(
        isinstance(numbers, tuple | list) and len(numbers) == 4,
        "A pair should be four numbers: mu_q, var_q, mu_p, var_p.",
    )
    assert isinstance(numbers, tuple | list)
    values = tuple(float(as_array(number)) for number in numbers)
    expect(np.isfinite(values), "One of your numbers is not finite.")
    expect(min(values[1], values[3]) > 0, "One of your variances is not positive.")
    return values


# 1.2 KL to the unit Gaussian


@check("kl", points=1.25)
def kl_is_the_expected_log_ratio(subject: Subject) -> None:
    """KL(q || p) is E_q[log q(z) - log p(z)], summed over the last axis."""
    inputs = ladder.gaussians()
    answers = subject.map("KLD", inputs)
    expect_all_close(answers, kl_of_the_ladder(), given=inputs)


@check("kl", points=0.25)
def kl_is_zero_only_at_the_prior(subject: Subject) -> None:
    """A divergence is zero where q is the prior, and positive elsewhere."""
    inputs = ladder.gaussians()[:64]
    for given, answer in zip(inputs, subject.map("KLD", inputs), strict=True):
        if given.mean.any() or given.log_std.any():
            expect(
                as_array(answer).sum() > 0,
                "Your KLD is not positive for a q that differs from the prior.",
                mean=given.mean,
                log_std=given.log_std,
            )
        else:
            zero = np.zeros(given.mean.shape[:-1])
            expect_close(answer, Expected(zero, kl_to_prior(*given).scale), given=given)


@check("kl", points=0.25)
def kl_is_even_in_the_mean(subject: Subject) -> None:
    """The unit Gaussian is symmetric, so the sign of the mean does not matter."""
    inputs = ladder.gaussians()[:64]
    mirrored = [(-given.mean, given.log_std) for given in inputs]
    left, right = subject.map("KLD", inputs), subject.map("KLD", mirrored)
    scales = [np.max(scale_of(expected)) for expected in kl_of_the_ladder()[:64]]
    for given, largest, answer, mirror in zip(inputs, scales, left, right, strict=True):
        scale = largest + np.abs(as_array(answer))
        expect_close(
            mirror,
            Expected(as_array(answer), scale),
            given={"mean": -given.mean, "log_std": given.log_std},
            message="With the sign of the mean changed it is another one.",
        )


@check("kl", points=0.25)
def kl_gradient(subject: Subject) -> None:
    """The gradient of the KL reaches mean and log_std, and is that of the expected log-ratio."""
    for given in ladder.gaussians()[::37]:
        _, slopes = subject.gradient("KLD", *given, wrt=(0, 1))
        for name, slope, expected in zip(given._fields, slopes, kl_slopes(*given), strict=True):
            expect_close(
                slope,
                expected,
                given=given,
                function=f"KLD's gradient with respect to {name}",
                message="The gradient of the expected log-ratio is another one.",
            )


# 1.3 Monte Carlo

DRAWS, LATENTS, ALPHA = 256, 20, 1e-9


def single_images() -> list[Array]:
    """Images (1, 1, 8, 8) of the size that `KnownDecoder` knows."""
    return ladder.images((1, KnownDecoder.side, KnownDecoder.side), levels=16)


@check("monte-carlo", points=0.75)
def estimate_is_the_log_of_the_mean(subject: Subject) -> None:
    """The estimate is the logarithm of the mean of p(x | z) over the samples of z."""
    draws, images = 16, single_images()[2:8]
    answers, expected = [], []
    for seed, x in enumerate(images):
        decoder = KnownDecoder()
        answers.append(subject.call("log_likelihood_mc", x, Callback(decoder), draws, seed=seed))
        latents = decoder.seen()
        expect(
            len(latents) == draws,
            f"With n_samples = {draws} and one image your decoder is given {len(latents)} latents.",
        )
        expected.append(log_mean_likelihood(x, decoder.logits(latents).astype(np.float32)))
    given = [{"x": x, "n_samples": np.asarray(draws)} for x in images]
    expect(
        [np.isfinite(as_array(answer)).all() for answer in answers],
        "Your log_likelihood_mc is not finite: how small is p(x | z) for a whole image?",
    )
    expect_all_close(answers, expected, given=given)
    three = np.concatenate(single_images()[:3])
    answer = subject.call("log_likelihood_mc", three, Callback(KnownDecoder()), draws)
    expect_shape(answer, (3,))


@check(
    "monte-carlo",
    points=0.25,
    alpha=ALPHA,
    detects=detects(
        (DRAWS, LATENTS),
        ALPHA,
        {
            "mc/uniform-latents": ("mean", 0.5),
            "mc/one-latent": ("columns", 1.0),
            "mc/latents-at-zero": ("std", 1.0),
        },
    ),
)
def latents_come_from_the_prior(subject: Subject, seed: Callable[[str], int]) -> None:
    """The decoder is given samples of the prior, each of them its own."""
    decoder, three = KnownDecoder(), np.concatenate(single_images()[:3])
    subject.call("log_likelihood_mc", three, Callback(decoder), DRAWS, seed=seed("prior"))
    latents = decoder.seen()
    expect(len(latents) > 1, "Your decoder is given a single latent.")
    expect_standard_normal(latents, alpha=ALPHA)


# 2.1 Reparameterisation

ROWS, COLUMNS = 4096, 8
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


# 2.2 Reconstruction


@check("reconstruction", points=1.25)
def reconstruction_is_the_log_likelihood(subject: Subject) -> None:
    """The reconstruction loss is -log p(x | z): a sum over pixels, a mean over the batch."""
    batches = image_batches()
    answers = subject.map("reconstruction_loss", batches)
    expected = [negative_log_likelihood(*batch) for batch in batches]
    given = [dict(zip(("logits", "x"), batch, strict=True)) for batch in batches]
    expect_all_close(answers, expected, given=given)


@check("reconstruction", points=0.25)
def targets_come_with_or_without_a_channel(subject: Subject) -> None:
    """Levels of shape (B, H, W) mean the same as levels of shape (B, 1, H, W)."""
    logits, x = image_batches()[-2]
    answer = subject.call("reconstruction_loss", logits, x[:, 0])
    expect_close(answer, negative_log_likelihood(logits, x), given={"logits": logits, "x": x[:, 0]})


# 2.3 The negative bound


@check("elbo", points=1.25)
def loss_is_reconstruction_plus_kl(subject: Subject) -> None:
    """The loss is reconstruction plus KL, weighted alike, averaged once over the batch."""
    inputs = loss_inputs()
    answers = subject.map("elbo_loss", inputs)
    if follows_from_own_terms(subject, inputs, answers):
        evidence(follows_from_own_terms=True)
        return
    names = ("logits", "x", "mean", "log_std")
    expect_all_close(
        answers,
        [negative_bound(*given) for given in inputs],
        given=[dict(zip(names, given, strict=True)) for given in inputs],
    )


@check("elbo", points=0.5)
def loss_reaches_both_terms(subject: Subject) -> None:
    """The loss moves with mean, log_std and logits as its two terms do."""
    given = logits, x, mean, log_std = loss_inputs()[5]
    _, slopes = subject.gradient("elbo_loss", *given, wrt=(0, 2, 3))
    by_definition = [likelihood_slope(logits, x), *averaged(kl_slopes(mean, log_std), len(x))]
    for name, slope, expected, own in zip(
        ("logits", "mean", "log_std"),
        slopes,
        by_definition,
        own_slopes(subject, given) or by_definition,
        strict=True,
    ):
        agrees = slope.shape == own.value.shape and np.all(
            np.abs(slope - own.value) <= expected.tolerance(slope.dtype) + 1e-6 * np.abs(own.value)
        )
        expect(np.any(slope), f"No gradient of your elbo_loss reaches {name}.")
        if not agrees:
            expect_close(
                slope,
                expected,
                function=f"elbo_loss's gradient with respect to {name}",
                message="The gradient of the negative bound is another one.",
            )


# 2.4 Bits per dimension

IMAGE_SHAPES = (
    (1, 1, 1, 1),
    (1, 1, 2, 2),
    (3, 1, 3, 5),
    (2, 3, 4, 4),
    (5, 1, 8, 8),
    (4, 3, 32, 32),
)


@check("bpd", points=1)
def bpd_is_bits_over_dimensions(subject: Subject) -> None:
    """A code of one bit for each value of an image has one bit per dimension."""
    inputs, expected = [], []
    for shape in IMAGE_SHAPES:
        bits = 0.5 + np.arange(shape[0])  # per dimension, another one for each image
        nats = (bits * math.prod(shape[1:]) * math.log(2)).astype(np.float32)
        inputs.append((nats, list(shape)))
        expected.append(bits_per_dimension(nats, shape))
    answers = subject.map("elbo_to_bpd", inputs)
    given = [{"elbo": nats, "img_shape": np.asarray(shape)} for nats, shape in inputs]
    expect_all_close(answers, expected, given=given)


# 4.2 The manifold


GRID_SIZES = (3, 6)


@check("manifold", points=1)
def manifold_walks_the_percentiles(subject: Subject) -> None:
    """The decoder sees every pair of latents in the middle of equally probable slices, no other."""
    for n in GRID_SIZES:
        decoder = KnownDecoder()
        subject.call("visualize_manifold", Callback(decoder), n, seed=n)
        seen = decoder.seen()
        expect(
            np.isfinite(seen),
            f"With grid_size = {n} your decoder is given a latent that is not finite.",
        )
        distance = np.abs(percentile_pairs(n)[:, None] - seen[None]).max(axis=-1)  # (n^2, seen)
        # float32 percentiles near 0 and 1 lose digits to the inverse: 1e-4 is far above that.
        wanted, found = distance.min(axis=0) <= 1e-4, distance.min(axis=1) <= 1e-4
        values = np.unique(seen.round(3)).tolist()
        expect(
            wanted,
            f"With grid_size = {n} your latents hold {values[:n]}: are they the middles of equally "
            "probable slices of the prior?",
        )
        expect(
            found,
            f"With grid_size = {n} your decoder sees {found.sum()} of the {n**2} pairs of latents.",
        )


@check("manifold", points=1)
def manifold_shows_means(subject: Subject) -> None:
    """The figure tiles the mean images of the decoder, one for each latent that it was given."""
    n, decoder = GRID_SIZES[0], KnownDecoder()
    figure = as_array(subject.call("visualize_manifold", Callback(decoder), n, seed=n))
    side = decoder.side
    expect_shape(figure, (n * side, n * side))
    expected = decoder.means(decoder.seen())
    tiles = (
        figure.astype(np.float64).reshape(n, side, n, side).swapaxes(1, 2).reshape(-1, side, side)
    )
    # Levels may be shown as 0..15 or scaled to 0..1.
    errors = [np.abs(tiles[:, None] * top - expected[None]).max(axis=(2, 3)) for top in (1, 15)]
    matched = [len(set(e.argmin(axis=1))) == n**2 and e.min(axis=1).max() <= 1e-3 for e in errors]
    expect(
        any(matched),
        "The images in your figure are not the mean images of the decoder: is every pixel the "
        "expected level, and every image whole and in one place?",
    )
