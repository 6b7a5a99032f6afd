"""Checks of the UvA sheet: a model whose losses are methods. Public, by definition.

A discriminator of the grader's own takes the place of the student's: it keeps the latents that it
is shown, the draws of the prior among them, so that every loss can be written out. The sheet asks
for no detach in these methods, so none is demanded.
"""

from __future__ import annotations

import numpy as np

from assignments.aae.definitions import (
    Losses,
    autoencoder_slopes,
    autoencoder_terms,
    scale_of,
    squared_error,
)
from assignments.aae.dialects.uva_discriminator import (
    accuracy_counts_real_and_fake,
    discriminator_learns_from_real_and_fake,
    draws_are_real_and_encoded_latents_fake,
    real_latents_come_from_the_prior,
)
from assignments.aae.dialects.uva_parts import (
    LATENTS,
    LAYER,
    KnownDiscriminator,
    expect_encoder_to_learn,
    image_batches,
    is_clipped,
    is_squashed,
    latents,
    logged,
    logits_of,
    loss_and_log,
    made,
    reconstructed,
    with_known_discriminator,
)
from grader.checks import (
    Array,
    Expected,
    Handle,
    Subject,
    as_array,
    check,
    expect,
    expect_close,
    expect_shape,
)

__all__ = [
    "accuracy_counts_real_and_fake",
    "discriminator_learns_from_real_and_fake",
    "draws_are_real_and_encoded_latents_fake",
    "real_latents_come_from_the_prior",
]

OF_AUTOENCODER = "get_loss_autoencoder"

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
    _expect_a_mean(subject, model)
    for x, recon_x in image_batches():
        z = latents(len(x))
        for weight in WEIGHTS:
            answer = subject.call(model, x, recon_x, z, *weight, method=OF_AUTOENCODER)
            total, _ = loss_and_log(answer, OF_AUTOENCODER)
            right, *_ = autoencoder_terms(Losses(x, recon_x, logits_of(z), *(weight or (1.0,))))
            name = f"{OF_AUTOENCODER} with lambda_ = {weight[0] if weight else 'its default'}"
            expect_close(total, right, function=name)


def _expect_a_mean(subject: Subject, model: Handle) -> None:
    """Demands of the error alone that it does not grow with the image, nor with the batch."""
    x, recon_x = image_batches()[-1]
    answer = subject.call(model, x, recon_x, latents(len(x)), 1.0, method=OF_AUTOENCODER)
    total, _ = loss_and_log(answer, OF_AUTOENCODER)
    times = float(np.mean(total)) / float(squared_error(x, recon_x).value)
    for count, over, mistake in (
        (x[0].size, "the pixels of an image", "uva/error-summed-over-pixels"),
        (x.size, "all pixels of all images", "uva/error-summed"),
    ):
        expect(
            not abs(times / count - 1) < 1e-4,
            f"With lambda_ = 1 your {OF_AUTOENCODER} is {count} times the mean squared error: it "
            f"is a sum over {over}. The sheet asks for a mean, beside which the game still counts.",
            shows=(mistake,),
        )


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
