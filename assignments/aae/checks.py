"""Public checks of an adversarial autoencoder: each decides by definition.

Nothing of the reference is used: losses are written out in NumPy and networks are linear, so that
their gradients are products of matrices. No probe has logits of zero alone, where the
cross-entropy is ln 2 whatever the label.
"""

from __future__ import annotations

from assignments.aae.definitions import (
    AUTOENCODER_PARTS,
    DISCRIMINATOR_PARTS,
    Losses,
    accuracy,
    autoencoder_slopes,
    autoencoder_terms,
    cross_entropy,
    cross_entropy_slope,
    discriminator_slopes,
    discriminator_terms,
    image_pairs,
    logit_pairs,
    loss_inputs,
    squared_error,
    squared_error_slope,
)
from assignments.aae.judging import (
    expect_parts,
    expect_slopes,
    judge_by_either,
    one_number,
    rows_of,
    weighed_own_slopes,
    weighed_own_terms,
)
from assignments.aae.step_checks import (
    autoencoder_step_has_its_losses,
    autoencoder_step_trains_encoder_and_decoder,
    discriminator_step_has_its_losses,
    discriminator_step_trains_the_discriminator_alone,
)
from grader.checks import Subject, check, expect, expect_all_close

__all__ = [
    "autoencoder_step_has_its_losses",
    "autoencoder_step_trains_encoder_and_decoder",
    "discriminator_step_has_its_losses",
    "discriminator_step_trains_the_discriminator_alone",
]

# 1.1 Reconstruction


@check("reconstruction", points=0.75)
def reconstruction_is_the_mean_squared_error(subject: Subject) -> None:
    """The reconstruction loss is the squared difference, averaged over batch and all elements."""
    answers = [one_number(a) for a in subject.map("reconstruction_loss", image_pairs())]
    expected = [squared_error(*pair) for pair in image_pairs()]
    given = [dict(zip(("x", "recon_x"), pair, strict=True)) for pair in image_pairs()]
    expect_all_close(answers, expected, given=given)


@check("reconstruction", points=0.25)
def reconstruction_reaches_the_decoder(subject: Subject) -> None:
    """The loss moves with the reconstruction as a mean squared error does."""
    for pair in image_pairs()[1:4]:
        _, slopes = subject.gradient("reconstruction_loss", *pair, wrt=(1,))
        right = [squared_error_slope(*pair)]
        expect_slopes(slopes, right, pair, ["recon_x"], "reconstruction_loss")


# 1.2 Fooling the discriminator


@check("fooling", points=1)
def fooling_is_the_cross_entropy(subject: Subject) -> None:
    """The loss is -log of the probability that a latent is taken for a draw of the prior."""
    logits = [pair.logits_fake for pair in logit_pairs()]
    answers = [one_number(a) for a in subject.map("generator_loss", [(each,) for each in logits])]
    expected = [cross_entropy(each, 1) for each in logits]
    expect_all_close(answers, expected, given=[{"logits_fake": each} for each in logits])


@check("fooling", points=0.5)
def rejected_latents_teach_most(subject: Subject) -> None:
    """The surer the discriminator is that a latent is encoded, the more that latent is told."""
    for logits in (pair.logits_fake for pair in logit_pairs()[2:]):
        _, slopes = subject.gradient("generator_loss", logits, wrt=(0,))
        right, given = [cross_entropy_slope(logits, 1)], {"logits_fake": logits}
        expect_slopes(slopes, right, given, ["logits_fake"], "generator_loss")


# 1.3 Both terms


@check("loss", points=1)
def loss_weighs_its_terms(subject: Subject) -> None:
    """The total is lambda times the reconstruction plus 1 - lambda times the adversarial term."""
    name, inputs = "autoencoder_loss", loss_inputs()
    rows = rows_of(subject.map(name, inputs), AUTOENCODER_PARTS, name)
    judge_by_either(
        lambda terms: expect_parts(rows, terms, inputs, AUTOENCODER_PARTS, name),
        [autoencoder_terms(given) for given in inputs],
        lambda: weighed_own_terms(subject, inputs),
    )


@check("loss", points=0.75)
def either_end_trains_one_of_them(subject: Subject) -> None:
    """With lambda = 1 only the autoencoder learns, with lambda = 0 only the game counts."""
    for given in loss_inputs()[5:10]:
        _expect_loss_slopes(subject, given)


def _expect_loss_slopes(subject: Subject, given: Losses) -> None:
    name, inputs = "autoencoder_loss", ("recon_x", "logits_fake")
    _, slopes = subject.gradient(name, *given, wrt=(1, 2))
    judge_by_either(
        lambda right: expect_slopes(slopes, right[0], given, inputs, name),
        [autoencoder_slopes(given)],
        lambda: [weighed_own_slopes(subject, given)],
    )


# 1.4 The discriminator


@check("latent-discriminator", points=1.25)
def discriminator_loss_has_two_halves(subject: Subject) -> None:
    """Draws of the prior are real, encoded latents are fake; the halves are means, and added."""
    name, inputs = "discriminator_loss", logit_pairs()
    rows = rows_of(subject.map(name, inputs), DISCRIMINATOR_PARTS, name)
    terms = [discriminator_terms(given) for given in inputs]
    expect_parts(rows, terms, inputs, DISCRIMINATOR_PARTS[:3], name)


@check("latent-discriminator", points=0.5)
def accuracy_counts_both_batches(subject: Subject) -> None:
    """The accuracy is the share of both batches that the sign of the logit tells rightly."""
    name, inputs = "discriminator_loss", logit_pairs()
    rows = rows_of(subject.map(name, inputs), DISCRIMINATOR_PARTS, name)
    expect_all_close(
        [row[-1] for row in rows],
        [accuracy(given) for given in inputs],
        given=inputs,
        function=f"{name}, its accuracy,",
    )


@check("latent-discriminator", points=0.75)
def discriminator_learns_from_both_batches(subject: Subject) -> None:
    """Against the gradient, logits on draws of the prior rise and those on encoded latents fall."""
    for given in logit_pairs()[1:]:
        _, slopes = subject.gradient("discriminator_loss", *given, wrt=(0, 1))
        for name, slope in zip(given._fields, slopes, strict=True):
            expect(slope.any(), f"No gradient of your discriminator_loss reaches {name}.")
        right = discriminator_slopes(given)
        expect_slopes(slopes, right, given, given._fields, "discriminator_loss")
