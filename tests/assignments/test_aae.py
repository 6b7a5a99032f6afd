from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from assignments.aae.definitions import (
    autoencoder_slopes,
    autoencoder_terms,
    discriminator_slopes,
    discriminator_terms,
    logit_pairs,
    loss_inputs,
)
from assignments.aae.held_out_law import energy_distance_to_prior, measure_error, measure_law
from assignments.aae.networks import SMALL, autoencoder_gradients
from assignments.aae.step_checks import vectors
from grader.assignment import load
from grader.auditing import audit_assignment
from grader.checks.context import Catalogue, Context
from grader.checks.declare import Check
from grader.checks.loading import load_checks, require_complete
from grader.checks.measuring import Interval
from grader.checks.recording import Recorder, recording
from grader.checks.runner import run_check
from grader.checks.seeds import Seeds
from grader.checks.verdict import Outcome, Verdict
from grader.kernel.local import LocalSubject
from grader.threshold import Threshold
from reference import aae
from reference.mistakes.aae import MISTAKES, VARIANTS

FOLDER = Path(__file__).parents[2] / "assignments" / "aae"
ASSIGNMENT = load(FOLDER)
CHECKS = load_checks(FOLDER)
QUESTIONS = {question.id: question for question in ASSIGNMENT.questions}
FUNCTIONS = sorted({variant.function for variant in VARIANTS})
REFERENCE: dict[str, Any] = {name: getattr(aae, name) for name in FUNCTIONS} | {"torch": torch}
# Named by what they leave in a network, which no recorded answer holds, or random.
NOT_NAMED = {"discriminator-step/prior-uniform"}


def judged(check: Check, replaced: dict[str, Callable[..., Any]], course: str = "aae") -> Verdict:
    seed = Seeds(assignment=course).of(check.name)
    context = Context(question=QUESTIONS[check.question], seed=seed)
    catalogue = Catalogue(MISTAKES, lambda overrides: LocalSubject(REFERENCE | dict(overrides)))
    return run_check(check, LocalSubject(REFERENCE | replaced), context, catalogue)


def checks_of(function: str) -> list[Check]:
    asked = {q.id for q in ASSIGNMENT.questions if q.function and q.function.name == function}
    return [check for check in CHECKS if check.question in asked]


def outcomes(function: str, replaced: dict[str, Callable[..., Any]]) -> dict[str, Outcome]:
    return {check.name: judged(check, replaced).verdict for check in checks_of(function)}


def mistaken(id: str) -> Callable[..., Any]:
    (mistake,) = (entry for entry in MISTAKES if entry.id == id)
    code: Callable[..., Any] = mistake.code
    return code


def messages_of(id: str) -> str:
    (mistake,) = (entry for entry in MISTAKES if entry.id == id)
    checks = checks_of(mistake.function)
    return " ".join(judged(check, {mistake.function: mistake.code}).message for check in checks)


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


def test_no_logit_is_zero() -> None:
    for pair in logit_pairs():
        assert (pair.logits_real != 0).all()
        assert (pair.logits_fake != 0).all()
    for given in loss_inputs():
        assert (given.logits_fake != 0).all()
        assert (SMALL.losses(vectors()[0], 0.5).logits_fake != 0).all()


def test_terms_by_definition_are_those_of_torch() -> None:
    for pair in logit_pairs():
        real, fake = map(torch.from_numpy, pair)
        on_real = F.binary_cross_entropy_with_logits(real.double(), torch.ones_like(real).double())
        on_fake = F.binary_cross_entropy_with_logits(fake.double(), torch.zeros_like(fake).double())
        found = [float(term.value) for term in discriminator_terms(pair)]
        assert found == pytest.approx([float(on_real + on_fake), float(on_real), float(on_fake)])
    for given in loss_inputs():
        x, recon_x = (torch.from_numpy(part).double() for part in given[:2])
        assert float(autoencoder_terms(given)[1].value) == pytest.approx(
            float(F.mse_loss(recon_x, x))
        )


def test_slopes_by_definition_are_those_of_autograd() -> None:
    given = loss_inputs()[-1]
    x, recon_x, logits = (torch.from_numpy(part).double().requires_grad_() for part in given[:3])
    total = aae.autoencoder_loss(x, recon_x, logits, given.reconstruction_weight).total
    for found, right in zip(
        autoencoder_slopes(given), torch.autograd.grad(total, (recon_x, logits)), strict=True
    ):
        assert found.value == pytest.approx(right.numpy())
    pair = logit_pairs()[-1]
    real, fake = (torch.from_numpy(part).double().requires_grad_() for part in pair)
    slopes = torch.autograd.grad(aae.discriminator_loss(real, fake).total, (real, fake))
    for found, right in zip(discriminator_slopes(pair), slopes, strict=True):
        assert found.value == pytest.approx(right.numpy())


def test_products_of_matrices_are_the_gradients_of_autograd() -> None:
    data, _ = vectors()
    modules = []
    for layer in SMALL:
        module = torch.nn.Linear(*layer.weight.shape[::-1])
        module.load_state_dict(
            {key: torch.from_numpy(value) for key, value in layer._asdict().items()}
        )
        modules.append(module)
    encoder, decoder, discriminator = modules
    losses = aae.autoencoder_step_loss(
        encoder, decoder, discriminator, torch.from_numpy(data), 0.75
    )
    losses.total.backward()  # type: ignore[no-untyped-call]
    slopes = autoencoder_slopes(SMALL.losses(data, 0.75))
    expected = autoencoder_gradients(SMALL, data, *slopes)
    for name, module in zip(("encoder", "decoder"), modules, strict=False):
        assert module.weight.grad is not None
        assert module.bias.grad is not None
        weight, bias = expected[name]
        assert module.weight.grad.numpy() == pytest.approx(weight.value, abs=1e-6)
        assert module.bias.grad.numpy() == pytest.approx(bias.value, abs=1e-6)


def test_energy_distance_agrees_with_the_reference_on_many_draws() -> None:
    rng = np.random.default_rng(0)
    latents, prior = 0.5 + 1.5 * rng.standard_normal((400, 2)), rng.standard_normal((6000, 2))
    found = energy_distance_to_prior(latents)
    sampled = float(aae.energy_distance(torch.from_numpy(latents), torch.from_numpy(prior)))
    # The reference pairs a latent with itself, which adds E|X - X'| / n, about 2.7 / 400.
    assert found == pytest.approx(sampled - 2.66 / 400 - 1.77 / 6000, abs=0.02)


def test_energy_distance_of_a_point_is_known() -> None:
    # 2 E|Z| - E|Z - Z'| in two dimensions: sqrt(2 pi) - sqrt(pi).
    expected = np.sqrt(2 * np.pi) - np.sqrt(np.pi)
    assert energy_distance_to_prior(np.zeros((10, 2))) == pytest.approx(expected)


class Encoding(torch.nn.Module):
    """Two pixels of a digit are its latent."""

    def encoder(self, x: torch.Tensor) -> torch.Tensor:
        return x[:, 0, 3, 3:5]

    def decoder(self, z: torch.Tensor) -> torch.Tensor:
        return z.mean(dim=1).reshape(-1, 1, 1, 1).expand(-1, 1, 8, 8)


def encoding() -> LocalSubject:
    return LocalSubject({"AAE": Encoding, "model": Encoding()}, lambda: {"AAE": Encoding})


@pytest.mark.parametrize("measure", ["law", "held-out"])
def test_an_interval_of_some_images_holds_the_figure_of_all(measure: str) -> None:
    images = np.random.default_rng(5).integers(0, 16, (1400, 8, 8)).astype(np.uint8)
    far = Threshold(metric="m", full=-2, zero=-1)
    # A corner everywhere, so that nothing is ever decided.
    corners = np.linspace(0, 1, 2000)[1:-1].tolist()
    whole = Threshold(metric="m", full=0, zero=1, between=tuple((c, 1 - c) for c in corners))

    def measured(seed: int, limits: Threshold) -> Interval:
        rng = np.random.default_rng(seed)
        if measure == "law":
            return measure_law(encoding(), images, rng, 1e-3, limits)[0]
        return measure_error(encoding(), images, rng, 1e-3, limits)

    with recording(Recorder()) as recorder:
        value, low, high = measured(0, whole)
        assert recorder.facts["images"] == len(images)
    assert low == value == high, "of all images nothing is left to chance"
    parts = [measured(seed, far) for seed in range(40)]
    assert all(low < value < high for _, low, high in parts)
    assert np.std([part.value for part in parts]) * 2 < parts[0].high - parts[0].low < 0.3


@pytest.mark.slow
def test_draws_of_the_prior_stay_far_below_full_marks() -> None:
    rng = np.random.default_rng(1)
    found = np.sort([energy_distance_to_prior(rng.standard_normal((360, 2))) for _ in range(4000)])
    assert found.mean() == pytest.approx(0, abs=4 * found.std() / 4000**0.5)
    # The law is a sum of weighed chi-squares, whose tail falls exponentially.
    rate = (found[-40] - found[-400]) / np.log(10)
    limits = QUESTIONS["law"].threshold
    assert limits is not None
    assert found[-40] + rate * np.log(1e7) < limits.full


@pytest.mark.slow
def test_laws_at_the_stated_distance_do_not_get_full_marks() -> None:
    rng = np.random.default_rng(2)
    moved = rng.standard_normal((500, 360, 2)) + np.asarray([0.77, 0.0])
    found = np.asarray([energy_distance_to_prior(latents) for latents in moved])
    (check,) = (check for check in CHECKS if check.question == "law")
    assert check.detects is not None
    assert found.mean() == pytest.approx(check.detects.deviations["energy distance"], abs=0.01)
    limits = QUESTIONS["law"].threshold
    assert limits is not None
    assert found.mean() - 4.75 * found.std() > limits.full
