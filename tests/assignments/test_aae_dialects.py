"""Wrong models in the style of the UvA course, and what is said of them."""

from __future__ import annotations

import pytest

from assignments.aae.dialects.uva_parts import LATENTS, far_latents, latents, logits_of
from grader.auditing import audit_assignment
from grader.checks.verdict import Outcome
from reference.mistakes.aae_uva import MISTAKES
from tests.assignments.uva_autoencoder import FOLDER, PLAIN, edited, failed, namespace, verdicts_on

WRONG: dict[str, tuple[tuple[tuple[str, str], ...], set[str]]] = {
    "forward the other way round": (
        (("return recon_x, z", "return z, recon_x"),),
        {"forward_gives_images_and_latents", "forward_decodes_what_it_encodes"},
    ),
    "the default is forgotten": ((("lambda_=1", "lambda_=0.5"),), {"loss_weighs_error_and_game"}),
    "latents of the encoder cut off": (
        (("preds = self.discriminator(z_fake)", "preds = self.discriminator(z_fake.detach())"),),
        {"either_end_moves_its_own"},
    ),
    "reconstruction as a number": (
        (("F.mse_loss(recon_x, x)", "F.mse_loss(recon_x, x).item()"),),
        {"either_end_moves_its_own"},
    ),
    "fixed draws": (
        (
            (
                "torch.randn_like(z_fake)",
                "torch.randn(z_fake.shape, generator=torch.Generator().manual_seed(0))",
            ),
        ),
        {"real_latents_come_from_the_prior"},
    ),
    "reconstruction cut off from the encoder": (
        (("self.decoder(z)", "self.decoder(z.detach())"),),
        {"forward_decodes_what_it_encodes"},
    ),
    "logits without a sign": (
        (("nn.Linear(512, 1),", "nn.Linear(512, 1), nn.ReLU(),"),),
        {"discriminator_gives_logits"},
    ),
    "discriminator's loss without gradient": (
        (("disc_loss = loss_real + loss_fake", "disc_loss = (loss_real + loss_fake).detach()"),),
        {"discriminator_learns_from_real_and_fake"},
    ),
    "encoded latents for both": (
        (("preds_real = self.discriminator(z_real)", "preds_real = self.discriminator(z_fake)"),),
        {
            "draws_are_real_and_encoded_latents_fake",
            "real_latents_come_from_the_prior",
            "accuracy_counts_real_and_fake",
            "discriminator_learns_from_real_and_fake",
        },
    ),
    "the loss alone": (
        (("return ae_loss, logging_dict", "return ae_loss"),),
        {
            "loss_weighs_error_and_game",
            "both_terms_are_logged",
        },
    ),
    "NaN": (
        (("accuracy = (", "accuracy = float('nan') * ("),),
        {"accuracy_counts_real_and_fake"},
    ),
}


@pytest.mark.parametrize("mistake", WRONG)
def test_a_mistake_costs_what_it_spoils_and_no_more(mistake: str) -> None:
    changes, expected = WRONG[mistake]
    assert set(failed(edited(changes))) == expected


def test_messages_lead_to_the_mistake() -> None:
    same = failed(edited(WRONG["encoded latents for both"][0]))
    assert "z_fake and nothing else" in same["draws_are_real_and_encoded_latents_fake"]
    fixed = failed(edited(WRONG["fixed draws"][0]))
    assert "same draws" in fixed["real_latents_come_from_the_prior"]
    cut = failed(edited(WRONG["latents of the encoder cut off"][0]))
    assert "with lambda_ = 0.0 reaches z_fake" in cut["either_end_moves_its_own"]


@pytest.mark.parametrize(
    ("error", "over"),
    [
        ("((recon_x - x) ** 2).flatten(1).sum(1).mean()", "the pixels of an image"),
        ('F.mse_loss(recon_x, x, reduction="sum")', "all pixels of all images"),
    ],
)
def test_a_summed_error_is_told_what_it_is_summed_over(error: str, over: str) -> None:
    message = failed(edited((("F.mse_loss(recon_x, x)", error),)))["loss_weighs_error_and_game"]
    assert f"it is a sum over {over}" in message


def test_an_empty_model_says_what_is_missing() -> None:
    source = PLAIN[: PLAIN.index("    def get_loss_autoencoder")]
    wrong = verdicts_on(namespace(source))
    assert wrong["loss_weighs_error_and_game"].verdict is Outcome.MISSING
    assert wrong["forward_gives_images_and_latents"].verdict is Outcome.PASSED


@pytest.mark.slow
def test_the_audit_finds_nothing() -> None:
    report = audit_assignment(str(FOLDER), "uva").report
    assert report.problems == ()
    assert {row.id for row in report.mistakes} == {mistake.id for mistake in MISTAKES}


def test_no_probe_leaves_a_logit_at_zero() -> None:
    logits = logits_of(latents(64))
    assert (abs(logits) > 1e-3).all()
    assert (logits > 0).any()
    assert (logits < 0).any()
    assert far_latents().shape[1] == LATENTS
