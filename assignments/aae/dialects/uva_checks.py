"""Checks of the UvA sheet: a model whose losses are methods. Public, by definition.

A discriminator of the grader's own takes the place of the student's: it keeps the latents that it
is shown, the draws of the prior among them, so that every loss can be written out. The sheet asks
for no detach in these methods, so none is demanded.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from assignments.aae.definitions import (
    Losses,
    accuracy,
    autoencoder_slopes,
    autoencoder_terms,
    discriminator_slopes,
    discriminator_terms,
    scale_of,
)
from assignments.aae.dialects.uva_parts import (
    LATENTS,
    LAYER,
    KnownDiscriminator,
    expect_encoder_to_learn,
    image_batches,
    is_clipped,
    is_squashed,
    judged,
    latents,
    logged,
    logits_of,
    loss_and_log,
    made,
    reconstructed,
    with_known_discriminator,
)
from assignments.aae.networks import gradients_left
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
    expect_shape,
    expect_standard_normal,
)
from grader.checks.exact_null import detects

OF_AUTOENCODER, OF_DISCRIMINATOR = "get_loss_autoencoder", "get_loss_discriminator"

# Encoder and decoder


@check("forward", points=1)
def forward_gives_images_and_latents(subject: Subject) -> None:
    """The forward pass returns reconstructions like the images, and one latent for each."""
    _, x, recon_x, z = reconstructed(subject)
    expect_shape(recon_x, x.shape, function="reconstruction")
    expect_shape(z, (len(x), LATENTS), function="latent")


@check("forward", points=1)
def forward_decodes_what_it_encodes(subject: Subject) -> None:
    """The latents are those of the encoder, and the reconstructions are decoded from them."""
    model, x, recon_x, z = reconstructed(subject)
    encoded = as_array(subject.call(model, x, method="encoder", seed=1), "encoder")
    expect_close(z, _as_computed_twice(encoded), function="latent in forward")
    decoded = as_array(subject.call(model, encoded, method="decoder", seed=1), "decoder")
    expect_close(recon_x, _as_computed_twice(decoded), function="reconstruction in forward")
    expect(np.ptp(z, axis=0) > 0, "Images that differ have the same latent in your model.")
    expect_encoder_to_learn(subject, model, x)


def _as_computed_twice(answer: Array) -> Expected:
    """What the same code should give again; sums may be taken in another order."""
    return Expected(answer, np.full(answer.shape, 1 + np.abs(answer).max()))


# The discriminator


@check("logits", points=1)
def discriminator_gives_one_number(subject: Subject) -> None:
    """The discriminator returns one number for each latent, shape (B, 1), even for one latent."""
    model = made(subject, "Discriminator")
    answers = [as_array(subject.call(model, latents(rows))) for rows in (5, 1)]
    for rows, answer in zip((5, 1), answers, strict=True):
        expect_shape(answer, (rows, 1), function="discriminator")
    expect(np.ptp(answers[0]) > 0, "Your discriminator says the same of every latent.")


@check("logits", points=1)
def discriminator_gives_logits(subject: Subject) -> None:
    """A logit may be any number: nothing squashes what the discriminator returns."""
    expect(
        not is_squashed(subject),
        "Of latents of all directions and sizes, your discriminator returns numbers between 0 and "
        "1 only: are these logits?",
    )
    expect(
        not is_clipped(subject),
        "Your discriminator never returns less than zero, however fake a latent is. What stands "
        "behind its last layer?",
    )


# The loss of encoder and decoder

WEIGHTS = ((1.0,), (0.0,), (0.75,), (0.25,), ())  # the last one is the default


@check("autoencoder-loss", points=2.5)
def loss_weighs_error_and_game(subject: Subject) -> None:
    """lambda_ weighs the mean squared error, 1 - lambda_ the wish to pass for the prior."""
    with_known_discriminator(subject, lambda known: _expect_totals(subject, known))


def _expect_totals(subject: Subject, known: KnownDiscriminator) -> None:
    model = known.placed_in(subject)
    for x, recon_x in image_batches():
        z = latents(len(x))
        for weight in WEIGHTS:
            answer = subject.call(model, x, recon_x, z, *weight, method=OF_AUTOENCODER)
            total, _ = loss_and_log(answer, OF_AUTOENCODER)
            right, *_ = autoencoder_terms(Losses(x, recon_x, logits_of(z), *(weight or (1.0,))))
            name = f"{OF_AUTOENCODER} with lambda_ = {weight[0] if weight else 'its default'}"
            expect_close(total, right, function=name)


@check("autoencoder-loss", points=1)
def both_terms_are_logged(subject: Subject) -> None:
    """The dictionary holds both terms as they are, without weights."""
    with_known_discriminator(subject, lambda known: _expect_logged_terms(subject, known))


def _expect_logged_terms(subject: Subject, known: KnownDiscriminator) -> None:
    model = known.placed_in(subject)
    x, recon_x = image_batches()[-1]
    z = latents(len(x))
    answer = subject.call(model, x, recon_x, z, 0.75, method=OF_AUTOENCODER)
    _, log = loss_and_log(answer, OF_AUTOENCODER)
    _, *terms = autoencoder_terms(Losses(x, recon_x, logits_of(z), 0.75))
    for key, right in zip(("recon_loss", "gen_loss"), terms, strict=True):
        if key in log:  # the skeleton's names, which nobody is asked to keep
            name = f"{OF_AUTOENCODER}, its {key},"
            expect_close(logged(log, key, OF_AUTOENCODER), right, function=name)


@check("autoencoder-loss", points=1.5)
def either_end_moves_its_own(subject: Subject) -> None:
    """With lambda_ = 1 the loss moves with the reconstruction alone, with 0 with the latents."""
    with_known_discriminator(subject, lambda known: _expect_slopes(subject, known))


def _expect_slopes(subject: Subject, known: KnownDiscriminator) -> None:
    x, recon_x = image_batches()[-1]
    z = latents(len(x))
    model, _ = known.as_module_in(subject)
    for weight in (1.0, 0.0, 0.75):
        _, slopes = subject.gradient(
            model, x, recon_x, z, weight, wrt=(1, 2), method=OF_AUTOENCODER
        )
        by_recon, by_logits = autoencoder_slopes(Losses(x, recon_x, logits_of(z), weight))
        by_z = Expected(by_logits.value @ LAYER.weight, scale_of(by_logits) @ np.abs(LAYER.weight))
        for name, slope, right in zip(("recon_x", "z_fake"), slopes, (by_recon, by_z), strict=True):
            whose = f"{OF_AUTOENCODER} with lambda_ = {weight}"
            lost = right.value.any() and not slope.any()
            expect(not lost, f"No gradient of your {whose} reaches {name}.")
            expect_close(slope, right, function=f"{whose}, its gradient with respect to {name},")


# The loss of the discriminator


@check("discriminator-loss", points=2)
def draws_are_real_and_encoded_latents_fake(subject: Subject) -> None:
    """Each half is a mean cross-entropy: draws of the prior are real, z_fake is fake."""
    with_known_discriminator(subject, lambda known: _expect_halves(subject, known))


def _expect_halves(subject: Subject, known: KnownDiscriminator) -> None:
    model = known.placed_in(subject)
    for rows in (1, 2, 16):
        z = latents(rows)
        answer = subject.call(model, z, method=OF_DISCRIMINATOR, seed=rows)
        total, log = loss_and_log(answer, OF_DISCRIMINATOR)
        both, *halves = discriminator_terms(judged(known.drawn_beside(z), z))
        for key, right in zip(("loss_real", "loss_fake"), halves, strict=True):
            found = logged(log, key, OF_DISCRIMINATOR)
            expect_close(found, right, function=f"{OF_DISCRIMINATOR}, its {key},")
        _expect_sum_or_mean([total], [both], f"{OF_DISCRIMINATOR}, the loss itself,")


def _expect_sum_or_mean(
    answers: Sequence[Array], rights: Sequence[Expected], function: str
) -> None:
    """Demands what belongs to the sum of both halves or to their mean: the sheet leaves it open."""
    try:
        for answer, right in zip(answers, rights, strict=True):
            expect_close(answer, right, function=function)
    except CheckFailure as failure:
        try:
            for answer, right in zip(answers, rights, strict=True):
                half = Expected(right.value / 2, scale_of(right) / 2)
                expect_close(answer, half, function=function)
        except CheckFailure:
            raise failure from None
        evidence(halves_are_averaged=True)


DRAWS, ALPHA = 1024, 1e-9


@check(
    "discriminator-loss",
    points=1.5,
    alpha=ALPHA,
    detects=detects(
        (DRAWS, LATENTS),
        ALPHA,
        {
            "uva/prior-uniform": ("mean", 0.5),
            "uva/prior-centred-uniform": ("std", 1 - 3**-0.5),
            "uva/prior-drawn-once": ("columns", 1.0),
        },
    ),
)
def real_latents_come_from_the_prior(subject: Subject, seed: Callable[[str], int]) -> None:
    """The latents that are called real are independent draws of N(0, I)."""
    seeds = seed("law"), seed("again")
    with_known_discriminator(subject, lambda known: _expect_draws(subject, known, *seeds))


def _expect_draws(subject: Subject, known: KnownDiscriminator, first: int, second: int) -> None:
    model, z = known.placed_in(subject), latents(DRAWS)
    subject.call(model, z, method=OF_DISCRIMINATOR, seed=first)
    drawn = known.drawn_beside(z)
    expect_shape(drawn, z.shape, function="batch of real latents")
    expect_standard_normal(drawn, alpha=ALPHA, function="prior")
    subject.call(model, z, method=OF_DISCRIMINATOR, seed=second)
    again = known.drawn_beside(z)
    expect(not np.array_equal(drawn, again), "Your prior gives the same draws in every call.")


@check("discriminator-loss", points=0.5)
def accuracy_counts_real_and_fake(subject: Subject) -> None:
    """The accuracy is the share of both batches that the sign of the logit tells rightly."""
    with_known_discriminator(subject, lambda known: _expect_accuracy(subject, known))


def _expect_accuracy(subject: Subject, known: KnownDiscriminator) -> None:
    model, z = known.placed_in(subject), latents(64)
    answer = subject.call(model, z, method=OF_DISCRIMINATOR, seed=9)
    _, log = loss_and_log(answer, OF_DISCRIMINATOR)
    found = logged(log, "accuracy", OF_DISCRIMINATOR)
    right = accuracy(judged(known.drawn_beside(z), z))
    in_percent = float(right.value) * 50 < float(found)
    shown = Expected(100 * right.value, np.asarray(100.0)) if in_percent else right
    expect_close(found, shown, function=f"{OF_DISCRIMINATOR}, its accuracy,")


@check("discriminator-loss", points=1)
def discriminator_learns_from_real_and_fake(subject: Subject) -> None:
    """Gradients of both halves reach the discriminator."""
    with_known_discriminator(subject, lambda known: _expect_learning(subject, known))


def _expect_learning(subject: Subject, known: KnownDiscriminator) -> None:
    z, drawn = latents(6), []
    for _ in range(2):
        subject.call(known.placed_in(subject), z, method=OF_DISCRIMINATOR, seed=11)
        drawn.append(known.drawn_beside(z))
    if not np.array_equal(drawn[0], drawn[1]):
        evidence(draws_can_be_repeated=False)  # so what reaches the discriminator is not known
        return
    model, linear = known.as_module_in(subject)
    losses = subject.new(model, z, method=OF_DISCRIMINATOR, seed=11)
    found = gradients_left(subject, losses, {"discriminator": linear}, OF_DISCRIMINATOR)
    batch = np.concatenate([drawn[0], z])
    by_real, by_fake = discriminator_slopes(judged(drawn[0], z))
    slopes = np.concatenate([by_real.value, by_fake.value])
    sizes = np.concatenate([scale_of(by_real), scale_of(by_fake)])
    rights = [Expected(slopes.T @ batch, sizes.T @ np.abs(batch))]
    rights.append(Expected(slopes.sum(axis=0), sizes.sum(axis=0)))
    of = f"{OF_DISCRIMINATOR}, the gradient that it leaves in the discriminator,"
    expect(found["discriminator"][0].any(), "No gradient of your loss reaches the discriminator.")
    _expect_sum_or_mean(found["discriminator"], rights, of)
