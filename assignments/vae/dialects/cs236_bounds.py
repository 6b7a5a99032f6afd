"""Checks of the CS236 models: what their bounds return for the very samples that they drew."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from assignments.vae.definitions import scale_of
from assignments.vae.dialects.cs236_parts import (
    IMAGES,
    LATENTS,
    MEAN,
    VAR,
    KnownModel,
    importance_bound,
    of_mean,
)
from assignments.vae.dialects.right_densities import CS236
from assignments.vae.dialects.right_ones import forgiving
from grader.checks import (
    Array,
    CheckFailure,
    Expected,
    Subject,
    as_array,
    check,
    evidence,
    expect,
    expect_close,
    expect_standard_normal,
)
from grader.checks.exact_null import detects
from grader.errors import SubjectError

ALPHA, CALLS = 1e-9, 60


def _expect_single(answer: Array, expected: Expected, name: str) -> None:
    if answer.size != 1:
        raise CheckFailure(
            f"Your {name} has shape {answer.shape} where one number for the batch is expected."
        )
    expect_close(answer.reshape(()), expected, function=name)


def _bound_of(subject: Subject, name: str) -> tuple[list[Array], Expected, Expected]:
    """What the negative bound returned, and the KL and reconstruction that it should be made of."""
    model = KnownModel(subject, name)
    found = model.bound("negative_elbo_bound")
    weights = model.weights(model.samples(1))
    lengths = Expected(-weights.reconstruction.value, scale_of(weights.reconstruction))
    rec = of_mean(lengths, "-log p(x | z) of your samples, averaged over the images,")
    if weights.kl is not None:
        return found, of_mean(weights.kl, "the KL to the prior, averaged over the images,"), rec
    ratio = weights.posterior.value - weights.prior.value
    scale = scale_of(weights.posterior) + scale_of(weights.prior)
    says = "log q(z | x) - log p(z) of your samples, averaged over the images,"
    return found, of_mean(Expected(ratio, scale), says), rec


def _expect_sum(found: list[Array]) -> None:
    """Demands that the first of three numbers is the sum of the others, as they are."""
    total, kl, rec = (part.astype(np.float64).mean() for part in found)
    expected = Expected(kl + rec, abs(kl) + abs(rec), "the sum of your kl and your rec")
    _expect_single(found[0], expected, "nelbo")
    evidence(nelbo=total)


@check("vae-bound", points=1)
@forgiving(CS236, model="VAE")
def bound_reconstructs(subject: Subject) -> None:
    """The reconstruction term is -log p(x | z), summed over the pixels, averaged over the batch."""
    found, _, rec = _bound_of(subject, "VAE")
    _expect_single(found[2], rec, "rec")


@check("vae-bound", points=1)
@forgiving(CS236, model="VAE")
def bound_regularises(subject: Subject) -> None:
    """The KL term is that to the prior, summed over the latents, averaged over the batch."""
    found, kl, _ = _bound_of(subject, "VAE")
    _expect_single(found[1], kl, "kl")


@check("vae-bound", points=1)
@forgiving(CS236, model="VAE")
def bound_is_the_sum_of_its_terms(subject: Subject) -> None:
    """The negative bound is its KL term and its reconstruction term, weighted alike."""
    _expect_sum(_bound_of(subject, "VAE")[0])


@check(
    "vae-bound",
    points=1,
    alpha=ALPHA,
    detects=detects(
        (CALLS, len(IMAGES) * LATENTS), ALPHA / 2, {"vae-bound/mean-only": ("std", 1.0)}
    ),
)
@forgiving(CS236, model="VAE")
def latents_are_samples_of_q(subject: Subject, seed: Callable[[str], int]) -> None:
    """The decoder is given samples of q(z | x), each with noise of its own."""
    model, start = KnownModel(subject, "VAE"), seed("law") % 2**31
    drawn = []
    for each in range(start, start + CALLS):
        model.bound("negative_elbo_bound", seed=each)
        drawn.append(model.samples(1)[:, 0])
    if _own_sample(subject, start, drawn[0]):
        return
    noise = (np.stack(drawn) - MEAN) / np.sqrt(VAR)
    expect_standard_normal(noise, alpha=ALPHA / 2, function="negative_elbo_bound")


def _own_sample(subject: Subject, seed: int, found: Array) -> bool:
    """Whether the student's own sampler, judged elsewhere, would have drawn the same."""
    try:
        own = as_array(subject.call("sample_reparameterize", MEAN, np.sqrt(VAR), seed=seed))
    except SubjectError:
        return False
    same = own.shape == found.shape and np.allclose(own, found, rtol=1e-5, atol=1e-5)
    evidence(follows_from_own=same)
    return same


@check("gmvae-bound", points=2)
@forgiving(CS236, model="GMVAE")
def mixture_bound_has_a_sampled_kl(subject: Subject) -> None:
    """Under a mixture the KL is estimated by log q(z | x) - log p(z) of the sample itself."""
    found, kl, _ = _bound_of(subject, "GMVAE")
    _expect_single(found[1], kl, "kl")


@check("gmvae-bound", points=1)
@forgiving(CS236, model="GMVAE")
def mixture_bound_is_the_sum_of_its_terms(subject: Subject) -> None:
    """The negative bound is its KL term and its reconstruction term, weighted alike."""
    found, _, rec = _bound_of(subject, "GMVAE")
    _expect_single(found[2], rec, "rec")
    _expect_sum(found)


@check("vae-iwae", points=3)
@forgiving(CS236, model="VAE")
def importance_weights_are_averaged(subject: Subject) -> None:
    """The bound is -log of the mean of p(x, z) / q(z | x) over an image's samples."""
    _expect_importance_bound(subject, "VAE")


@check("gmvae-iwae", points=2)
@forgiving(CS236, model="GMVAE")
def importance_weights_hold_the_mixture(subject: Subject) -> None:
    """Under a mixture prior the weights hold the mixture's density."""
    _expect_importance_bound(subject, "GMVAE")


def _expect_importance_bound(subject: Subject, name: str) -> None:
    model = KnownModel(subject, name)
    for samples in (1, 2, 5):
        found = model.bound("negative_iwae_bound", samples)[0]
        drawn = model.samples(samples)
        _expect_single(found, importance_bound(model.weights(drawn)), f"niwae with iw = {samples}")
    if not _own_repeats(subject):
        expect(
            [len(np.unique(own, axis=0)) == len(own) for own in drawn],
            "The latents of an image are all alike in your negative_iwae_bound: does each have "
            "noise of its own?",
        )


def _own_repeats(subject: Subject) -> bool:
    """Whether the student's own sampler, judged elsewhere, draws equal rows from equal rows."""
    mean, std = np.zeros((2, LATENTS), np.float32), np.ones((2, LATENTS), np.float32)
    try:
        first, second = as_array(subject.call("sample_reparameterize", mean, std, seed=1))
    except (SubjectError, ValueError):
        return False
    return np.array_equal(first, second)
