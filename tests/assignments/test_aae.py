from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F

from grader.auditing import audit_assignment
from grader.checks.loading import require_complete
from grader.checks.verdict import Outcome
from reference import aae
from reference.mistakes.aae import MISTAKES, VARIANTS
from tests.assignments.aae_verdicts import (
    ASSIGNMENT,
    CHECKS,
    FOLDER,
    FUNCTIONS,
    REFERENCE,
    checks_of,
    judged,
    messages_of,
    mistaken,
    outcomes,
)

# Named by what they leave in a network, which no recorded answer holds, or random.
NOT_NAMED = {"discriminator-step/prior-uniform"}


def test_every_point_is_decided_by_somebody() -> None:
    require_complete(CHECKS, ASSIGNMENT.questions)
    assert sum(question.points for question in ASSIGNMENT.questions) == 20


def test_questions_ask_for_what_the_reference_takes() -> None:
    asked = {q.function.name: q.function.arguments for q in ASSIGNMENT.questions if q.function}
    assert sorted(asked) == FUNCTIONS
    for name, arguments in asked.items():
        code = REFERENCE[name].__code__
        assert code.co_varnames[: len(arguments)] == arguments


def test_the_audit_finds_nothing() -> None:
    report = audit_assignment(str(FOLDER)).report
    assert report.problems == ()
    assert {row.id for row in report.mistakes if row.id not in row.named_as} == NOT_NAMED
    assert len(report.mistakes) == len(MISTAKES)
    assert all(variant.passed for variant in report.variants)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_the_reference_passes(function: str) -> None:
    assert set(outcomes(function, {}).values()) == {Outcome.PASSED}


@pytest.mark.slow
@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: variant.id)
def test_every_variant_passes_under_any_seed(variant: Any) -> None:
    for course in range(25):
        for check in checks_of(variant.function):
            verdict = judged(check, {variant.function: variant.code}, f"aae {course}")
            assert verdict.verdict is Outcome.PASSED, verdict.message


def changed(function: str, change: Callable[[torch.Tensor], torch.Tensor]) -> Callable[..., Any]:
    def code(*args: Any) -> Any:
        answer = REFERENCE[function](*args)
        return tuple(map(change, answer)) if isinstance(answer, tuple) else change(answer)

    return code


@pytest.mark.parametrize("function", FUNCTIONS)
def test_one_part_in_a_thousand_is_noticed(function: str) -> None:
    off = changed(function, lambda part: part * 1.001)
    assert Outcome.FAILED in outcomes(function, {function: off}).values()


@pytest.mark.parametrize("function", FUNCTIONS)
def test_nan_is_noticed_by_every_check(function: str) -> None:
    nowhere = changed(function, lambda part: part * float("nan"))
    assert set(outcomes(function, {function: nowhere}).values()) == {Outcome.FAILED}


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_number_may_have_an_axis_of_one(function: str) -> None:
    longer = changed(function, lambda part: part.reshape(1))
    assert set(outcomes(function, {function: longer}).values()) == {Outcome.PASSED}


def plain_autoencoder_loss(x: Any, recon_x: Any, logits: Any, weight: Any) -> tuple[Any, ...]:
    """Loops, and numbers for what no gradient is asked of."""
    error = torch.stack([((a - b) ** 2).mean() for a, b in zip(x, recon_x, strict=True)]).mean()
    fooling = torch.zeros(())
    for logit in logits:
        fooling = fooling + F.softplus(-logit).squeeze() / len(logits)
    return weight * error + (1 - weight) * fooling, error.item(), fooling.item()


def plain_discriminator_loss(real: Any, fake: Any) -> tuple[Any, ...]:
    """Labels of their own, probabilities, and a count by hand."""
    criterion = torch.nn.BCELoss()
    on_real = criterion(torch.sigmoid(real), torch.ones(len(real), 1))
    on_fake = criterion(torch.sigmoid(fake), torch.zeros(len(fake), 1))
    right = int((real >= 0).sum()) + int((fake < 0).sum())
    return on_real + on_fake, on_real.item(), on_fake.item(), right / (2 * len(real))


def frozen_step(encoder: Any, decoder: Any, discriminator: Any, x: Any, weight: Any) -> Any:
    """The discriminator's parameters are taken out of the graph, its inputs are not."""
    for parameter in discriminator.parameters():
        parameter.requires_grad_(False)
    z = encoder(x)
    reconstruction = F.mse_loss(decoder(z), x)
    adversarial = -torch.log(torch.sigmoid(discriminator(z)) + 1e-8).mean()
    return weight * reconstruction + (1.0 - weight) * adversarial, reconstruction, adversarial


def cleared_step(encoder: Any, discriminator: Any, x: Any, prior_sample: Any) -> Any:
    """Both batches in one, and latents that are leaves of their own."""
    z = encoder(x).data
    logits = discriminator(torch.cat((z, prior_sample), 0))
    fake, real = logits[: len(z)], logits[len(z) :]
    return plain_discriminator_loss(real, fake)


STYLES: dict[str, Callable[..., Any]] = {
    "autoencoder_loss": plain_autoencoder_loss,
    "discriminator_loss": plain_discriminator_loss,
    "autoencoder_step_loss": frozen_step,
    "discriminator_step_loss": cleared_step,
    "reconstruction_loss": lambda x, recon_x: torch.nn.MSELoss()(recon_x, x),
    "generator_loss": lambda logits: torch.nn.BCEWithLogitsLoss()(
        logits.squeeze(1), torch.ones(logits.shape[0])
    ),
}


@pytest.mark.parametrize("function", FUNCTIONS)
def test_other_styles_pass(function: str) -> None:
    assert set(outcomes(function, {function: STYLES[function]}).values()) == {Outcome.PASSED}


def test_a_wrong_term_costs_its_points_once() -> None:
    wrong = mistaken("fooling/labels-swapped")

    def loss(x: Any, recon_x: Any, logits: Any, weight: Any) -> Any:
        reconstruction, adversarial = F.mse_loss(recon_x, x), wrong(logits)
        return weight * reconstruction + (1 - weight) * adversarial, reconstruction, adversarial

    alone = outcomes("autoencoder_loss", {"autoencoder_loss": loss})
    both = outcomes("autoencoder_loss", {"autoencoder_loss": loss, "generator_loss": wrong})
    assert set(alone.values()) == {Outcome.FAILED}
    assert set(both.values()) == {Outcome.PASSED}


@pytest.mark.parametrize(
    ("loss", "step", "mistake"),
    [
        ("autoencoder_loss", "autoencoder_step_loss", "loss/weights-swapped"),
        ("discriminator_loss", "discriminator_step_loss", "latent-discriminator/labels-swapped"),
    ],
)
def test_a_wrong_loss_costs_its_points_once(loss: str, step: str, mistake: str) -> None:
    wrong = mistaken(mistake)

    def of_autoencoder(encoder: Any, decoder: Any, discriminator: Any, x: Any, weight: Any) -> Any:
        z = encoder(x)
        return wrong(x, decoder(z), discriminator(z), weight)

    def of_discriminator(encoder: Any, discriminator: Any, x: Any, prior_sample: Any) -> Any:
        return wrong(discriminator(prior_sample), discriminator(encoder(x).detach()))

    steps: dict[str, Callable[..., Any]] = {
        "autoencoder_loss": of_autoencoder,
        "discriminator_loss": of_discriminator,
    }
    assert set(outcomes(step, {step: steps[loss]}).values()) == {Outcome.FAILED}
    assert set(outcomes(step, {step: steps[loss], loss: wrong}).values()) == {Outcome.PASSED}


def test_messages_lead_to_what_is_not_named() -> None:
    assert "lambda = 0.0 the encoder has no gradient" in messages_of(
        "step/detached-for-the-discriminator"
    )
    assert "lambda = 1.0 the encoder has no gradient" in messages_of(
        "step/detached-for-the-decoder"
    )
    assert "leaves a gradient in the encoder" in messages_of("discriminator-step/detach-missing")
    assert "never shows" in messages_of("discriminator-step/prior-uniform")


def test_a_loss_alone_is_told_what_is_missing() -> None:
    def alone(*args: Any) -> torch.Tensor:
        return aae.autoencoder_loss(*args).total

    (message, *_) = (
        judged(check, {"autoencoder_loss": alone}).message
        for check in checks_of("autoencoder_loss")
    )
    assert "3 numbers, in this order: total, reconstruction, adversarial" in message
