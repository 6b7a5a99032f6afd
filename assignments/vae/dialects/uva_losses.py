"""Checks of the UvA model's `forward`: its two losses, their sum in bits, and what it decodes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from assignments.vae.definitions import (
    bits_per_dimension,
    kl_to_prior,
    negative_log_likelihood,
    scale_of,
)
from assignments.vae.dialects.right_densities import UVA
from assignments.vae.dialects.right_ones import forgiving
from assignments.vae.dialects.uva_parts import ALPHA, LATENTS, ROWS, SIDE, KnownParts, images
from grader.checks import (
    Array,
    CheckFailure,
    Expected,
    Subject,
    as_array,
    check,
    evidence,
    expect_close,
    expect_standard_normal,
)
from grader.checks.exact_null import detects
from grader.errors import SubjectError


@check("forward", points=1.5)
@forgiving(UVA, model="VAE")
def forward_reconstructs(subject: Subject) -> None:
    """L_rec is -log p(x | z), summed over the pixels and averaged over the batch."""
    parts = KnownParts()
    answer, _, _ = parts.forward(subject)
    logits = parts.decoder.logits(parts.latents()).astype(np.float32)
    _expect_number(_single(answer, "L_rec"), negative_log_likelihood(logits, images()), "L_rec")


@check("forward", points=1.5)
@forgiving(UVA, model="VAE")
def forward_regularises(subject: Subject) -> None:
    """L_reg is the KL to the prior, summed over the latents and averaged over the batch."""
    parts = KnownParts()
    _, answer, _ = parts.forward(subject)
    found = _single(answer, "L_reg")
    each = kl_to_prior(parts.mean, parts.log_std)
    expected = Expected(
        each.value.mean(), scale_of(each).mean(), "the KL, averaged over the batch,"
    )
    own = _own(subject, "KLD", parts.mean, parts.log_std)
    if own is None or not _agrees(found, own.mean(), expected):
        _expect_number(found, expected, "L_reg")


@check("forward", points=1)
@forgiving(UVA, model="VAE")
def forward_counts_bits(subject: Subject) -> None:
    """The third number is the negative bound, L_rec + L_reg, in bits per dimension."""
    first, second, answer = KnownParts().forward(subject)
    # A term that was not reduced costs its points where the term is asked for.
    rec, reg, found = first.mean(), second.mean(), _single(answer, "bpd")
    nats = (rec.astype(np.float64) + reg).reshape(1)
    terms = np.abs([rec, reg]).astype(np.float64).sum(keepdims=True).reshape(1)
    bits, scale = (bits_per_dimension(each, images().shape).value[0] for each in (nats, terms))
    expected = Expected(bits, scale, "the sum of your first two, in those bits,")
    own = _own(subject, "elbo_to_bpd", nats.astype(np.float32), images().shape)
    if own is None or not _agrees(found, own.mean(), expected):
        expect_close(found, expected, function="bpd")


def _single(answer: Array, name: str) -> Array:
    """One number, with axes of length one or without."""
    if answer.size != 1:
        raise CheckFailure(
            f"Your {name} has shape {answer.shape} where one number for the batch is expected."
        )
    return answer.reshape(())


# By what a loss is off when it is reduced in another way.
_REDUCED = {
    float(ROWS): "Yours is a sum over the batch: what happens to it when the batch doubles?",
    1 / ROWS: "Something is divided by the size of the batch more than once.",
    1 / SIDE**2: "Yours is an average over the pixels: how do independent pixels combine?",
    1 / LATENTS: "Yours is an average over the latents: how do independent ones combine?",
    -1.0: "Yours is of the opposite sign.",
}


def _expect_number(found: Array, expected: Expected, name: str) -> None:
    factor = float(found) / float(expected.value)
    told = (says for at, says in _REDUCED.items() if np.isclose(factor, at, rtol=1e-4))
    lead = next(told, f"{expected.says[0].upper()}{expected.says[1:]} is another number.")
    expect_close(found, expected, function=name, message=lead)


def _own(subject: Subject, function: str, *given: object) -> Array | None:
    """What the student's own earlier function says; None where it says nothing."""
    try:
        return as_array(subject.call(function, *given)).astype(np.float64)
    except SubjectError:
        return None


def _agrees(found: Array, own: Array, expected: Expected) -> bool:
    reach = expected.tolerance(np.dtype(np.float32)) + 1e-5 * np.abs(own)
    agrees = bool(np.abs(found - own) <= reach)
    evidence(follows_from_own=agrees)
    return agrees


@check(
    "forward",
    points=1,
    alpha=ALPHA,
    detects=detects(
        (ROWS, LATENTS),
        ALPHA / 2,  # the other half is for what follows from own functions
        {"forward/mean-only": ("std", 1.0), "forward/shared-noise": ("columns", 1.0)},
    ),
)
@forgiving(UVA, model="VAE")
def forward_decodes_samples_of_q(subject: Subject, seed: Callable[[str], int]) -> None:
    """The decoder is given samples of N(mean, std^2), each with noise of its own."""
    parts, one_seed = KnownParts(), seed("law")
    parts.forward(subject, seed=one_seed)
    found, std = parts.latents(), np.exp(parts.log_std)
    try:
        own = as_array(subject.call("sample_reparameterize", parts.mean, std, seed=one_seed))
        # The exponential of log_std was rounded here and there.
        if own.shape == found.shape and np.allclose(own, found, rtol=1e-5, atol=1e-5):
            evidence(follows_from_own=True)
            return
    except SubjectError:
        evidence(follows_from_own=False)
    expect_standard_normal((found - parts.mean) / std, alpha=ALPHA / 2, function="forward")
