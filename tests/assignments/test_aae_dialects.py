"""Models written in the style of the UvA course, right ones and wrong ones, as a file of it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from assignments.aae.dialects.uva_parts import LATENTS, far_latents, latents, logits_of
from grader.assignment import load
from grader.auditing import audit_assignment
from grader.authored import assignment_checks
from grader.checks.context import Context
from grader.checks.runner import run_check
from grader.checks.seeds import Seeds
from grader.checks.verdict import Outcome, Verdict
from grader.dialect import in_dialect
from grader.kernel.local import LocalSubject
from reference.mistakes.aae_uva import MISTAKES

FOLDER = Path(__file__).parents[2] / "assignments" / "aae"
ASSIGNMENT = in_dialect(load(FOLDER), "uva")
CHECKS = assignment_checks(ASSIGNMENT)
QUESTIONS = {question.id: question for question in ASSIGNMENT.questions}

PLAIN = """
import torch
import torch.nn as nn
import torch.nn.functional as F


class ConvEncoder(nn.Module):
    def __init__(self, z_dim):
        super(ConvEncoder, self).__init__()
        self.net = nn.Sequential(
            nn.Conv2d(1, 16, kernel_size=3, padding=1, stride=2), nn.ReLU(),
            nn.Conv2d(16, 32, kernel_size=3, padding=1, stride=2), nn.ReLU(),
            nn.Flatten(), nn.Linear(32 * 7 * 7, z_dim),
        )

    def forward(self, x):
        return self.net(x)


class ConvDecoder(nn.Module):
    def __init__(self, z_dim):
        super(ConvDecoder, self).__init__()
        self.linear = nn.Sequential(nn.Linear(z_dim, 32 * 7 * 7), nn.ReLU())
        self.net = nn.Sequential(
            nn.ConvTranspose2d(32, 16, 3, output_padding=1, padding=1, stride=2), nn.ReLU(),
            nn.ConvTranspose2d(16, 1, 3, output_padding=1, padding=1, stride=2), nn.Tanh(),
        )

    def forward(self, z):
        h = self.linear(z)
        return self.net(h.reshape(h.shape[0], -1, 7, 7))


class Discriminator(nn.Module):
    def __init__(self, z_dim):
        super(Discriminator, self).__init__()
        self.layers = nn.Sequential(
            nn.Linear(z_dim, 512), nn.LeakyReLU(0.2),
            nn.Linear(512, 512), nn.LeakyReLU(0.2),
            nn.Linear(512, 1),
        )

    def forward(self, z):
        return self.layers(z)


class AdversarialAE(nn.Module):
    def __init__(self, z_dim=8):
        super(AdversarialAE, self).__init__()
        self.z_dim = z_dim
        self.encoder = ConvEncoder(z_dim)
        self.decoder = ConvDecoder(z_dim)
        self.discriminator = Discriminator(z_dim)

    def forward(self, x):
        z = self.encoder(x)
        recon_x = self.decoder(z)
        return recon_x, z

    def get_loss_autoencoder(self, x, recon_x, z_fake, lambda_=1):
        recon_loss = F.mse_loss(recon_x, x)
        preds = self.discriminator(z_fake)
        gen_loss = F.binary_cross_entropy_with_logits(preds, torch.ones_like(preds))
        ae_loss = lambda_ * recon_loss + (1 - lambda_) * gen_loss
        logging_dict = {"gen_loss": gen_loss, "recon_loss": recon_loss, "ae_loss": ae_loss}
        return ae_loss, logging_dict

    def get_loss_discriminator(self, z_fake):
        z_real = torch.randn_like(z_fake)
        preds_real = self.discriminator(z_real)
        preds_fake = self.discriminator(z_fake)
        loss_real = F.binary_cross_entropy_with_logits(preds_real, torch.ones_like(preds_real))
        loss_fake = F.binary_cross_entropy_with_logits(preds_fake, torch.zeros_like(preds_fake))
        disc_loss = loss_real + loss_fake
        accuracy = ((preds_real > 0).float().mean() + (preds_fake < 0).float().mean()) / 2
        logging_dict = {"disc_loss": disc_loss, "loss_real": loss_real,
                        "loss_fake": loss_fake, "accuracy": accuracy}
        return disc_loss, logging_dict

    @property
    def device(self):
        return next(self.parameters()).device
"""

# What other people write in the place of some lines of it.
RIGHT: dict[str, tuple[tuple[str, str], ...]] = {
    "as it stands": (),
    "mean of both halves": (("loss_real + loss_fake", "(loss_real + loss_fake) / 2"),),
    "z_fake detached": (
        (
            "preds_fake = self.discriminator(z_fake)",
            "preds_fake = self.discriminator(z_fake.detach())",
        ),
    ),
    "drawn on the device": (
        (
            "torch.randn_like(z_fake)",
            "torch.randn(z_fake.shape[0], self.z_dim, device=self.device)",
        ),
    ),
    "drawn from a distribution": (
        ("torch.randn_like(z_fake)", "torch.distributions.Normal(0.0, 1.0).sample(z_fake.shape)"),
    ),
    "drawn by numpy": (
        (
            "torch.randn_like(z_fake)",
            "torch.from_numpy(__import__('numpy').random.randn(*z_fake.shape)).float().to(z_fake.device)",
        ),
    ),
    "device of the discriminator": (
        (
            "torch.randn_like(z_fake)",
            "torch.randn(z_fake.size(), device=next(self.discriminator.parameters()).device)",
        ),
    ),
    "numbers in the log": (
        (
            '"gen_loss": gen_loss, "recon_loss": recon_loss, "ae_loss": ae_loss',
            '"gen_loss": gen_loss.item(), "recon_loss": recon_loss.item(), "ae_loss": +ae_loss',
        ),
        ('"loss_real": loss_real', '"loss_real": loss_real.item()'),
        ('"accuracy": accuracy', '"accuracy": accuracy.item()'),
    ),
    "accuracy in percent": (('"accuracy": accuracy', '"accuracy": 100 * accuracy'),),
    "rounded probabilities": (
        ("(preds_real > 0).float().mean()", "torch.sigmoid(preds_real).round().mean()"),
    ),
    "criterion": (
        (
            "F.binary_cross_entropy_with_logits(preds, torch.ones_like(preds))",
            "nn.BCEWithLogitsLoss()(preds, torch.ones(z_fake.shape[0], 1, device=preds.device))",
        ),
        ("F.mse_loss(recon_x, x)", "nn.MSELoss()(recon_x, x)"),
    ),
    "probabilities in the losses": (
        (
            "F.binary_cross_entropy_with_logits(preds_fake,",
            "F.binary_cross_entropy(torch.sigmoid(preds_fake),",
        ),
        ("F.binary_cross_entropy_with_logits(preds,", "F.binary_cross_entropy(preds.sigmoid(),"),
    ),
    "logarithms": (
        (
            "F.binary_cross_entropy_with_logits(preds_real, torch.ones_like(preds_real))",
            "-F.logsigmoid(preds_real).mean()",
        ),
        (
            "F.binary_cross_entropy_with_logits(preds, torch.ones_like(preds))",
            "-torch.log(torch.sigmoid(preds) + 1e-8).mean()",
        ),
        ("F.mse_loss(recon_x, x)", "torch.mean((x - recon_x).pow(2))"),
    ),
    "one column dropped": (
        (
            "preds_real = self.discriminator(z_real)",
            "preds_real = self.discriminator(z_real).squeeze(1)",
        ),
    ),
    "one batch": (
        (
            "preds_real = self.discriminator(z_real)",
            "both = self.discriminator(torch.cat((z_fake, z_real)))",
        ),
        ("preds_fake = self.discriminator(z_fake)", "preds_fake, preds_real = both.chunk(2)"),
    ),
    "latents with a gradient": (
        (
            "        z_real = torch.randn_like(z_fake)",
            "        z_real = torch.randn_like(z_fake).requires_grad_()",
        ),
    ),
    "discriminator not trained by the autoencoder": (
        (
            "        preds = self.discriminator(z_fake)",
            "        self.discriminator.requires_grad_(False)\n"
            "        preds = self.discriminator(z_fake)",
        ),
        (
            "        z_real =",
            "        self.discriminator.requires_grad_(True)\n        z_real =",
        ),
    ),
    "layers called directly": (
        ("preds = self.discriminator(z_fake)", "preds = self.discriminator.layers(z_fake)"),
        ("self.discriminator(z_real)", "self.discriminator.layers(z_real)"),
    ),
    "forward called by name": (
        ("self.discriminator(z_real)", "self.discriminator.forward(z_real)"),
    ),
    "size asked of the discriminator": (
        ("        self.layers", "        self.z_dim = z_dim\n        self.layers"),
        ("torch.randn_like(z_fake)", "torch.randn(len(z_fake), self.discriminator.z_dim)"),
    ),
    "images of 32 pixels": (
        ("32 * 7 * 7, z_dim", "32 * 8 * 8, z_dim"),
        ("z_dim, 32 * 7 * 7", "z_dim, 32 * 8 * 8"),
        ("-1, 7, 7", "-1, 8, 8"),
    ),
    "colours": (
        ("Conv2d(1, 16", "Conv2d(3, 16"),
        ("16, 1, 3", "16, 3, 3"),
        ("32 * 7 * 7, z_dim", "32 * 8 * 8, z_dim"),
        ("z_dim, 32 * 7 * 7", "z_dim, 32 * 8 * 8"),
        ("-1, 7, 7", "-1, 8, 8"),
    ),
    "normalised and dropped out": (
        (
            "nn.Linear(z_dim, 512), nn.LeakyReLU(0.2)",
            "nn.Linear(z_dim, 512), nn.BatchNorm1d(512), nn.LeakyReLU(0.2), nn.Dropout(0.3)",
        ),
        (
            "padding=1, stride=2), nn.ReLU(),",
            "padding=1, stride=2), nn.BatchNorm2d(16), nn.ReLU(),",
        ),
    )[:1],
    "typed": (
        (
            "def get_loss_autoencoder(self, x, recon_x, z_fake, lambda_=1):",
            "def get_loss_autoencoder(self, x: torch.Tensor, recon_x: torch.Tensor, "
            "z_fake: torch.Tensor, lambda_: float = 1):",
        ),
    ),
    "a sigmoid that the losses know of": (
        ("nn.Linear(512, 1),", "nn.Linear(512, 1), nn.Sigmoid(),"),
        ("binary_cross_entropy_with_logits", "binary_cross_entropy"),
        ("> 0)", "> 0.5)"),
        ("< 0)", "< 0.5)"),
    ),
}


def namespace(source: str) -> dict[str, Any]:
    found: dict[str, Any] = {"__name__": "models"}
    exec(compile(source, "models.py", "exec"), found)
    return found


def edited(changes: tuple[tuple[str, str], ...]) -> dict[str, Any]:
    source = PLAIN
    for before, after in changes:
        assert before in source, before
        source = source.replace(before, after)
    return namespace(source)


def verdicts_on(names: Mapping[str, Any], course: str = "aae") -> dict[str, Verdict]:
    found = {}
    for check in CHECKS:
        context = Context(
            question=QUESTIONS[check.question], seed=Seeds(assignment=course).of(check.name)
        )
        found[check.name] = run_check(check, LocalSubject(names), context)
    return found


def failed(names: Mapping[str, Any]) -> dict[str, str]:
    return {
        name: verdict.message
        for name, verdict in verdicts_on(names).items()
        if verdict.verdict is not Outcome.PASSED
    }


@pytest.mark.parametrize("style", RIGHT)
def test_a_right_model_passes_in_every_style(style: str) -> None:
    wrong = failed(edited(RIGHT[style]))
    if style == "a sigmoid that the losses know of":
        assert set(wrong) == {"discriminator_gives_logits"}
    else:
        assert wrong == {}


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


@pytest.mark.slow
def test_a_right_model_passes_under_any_seed() -> None:
    for course in range(50):
        verdicts = verdicts_on(namespace(PLAIN), f"aae {course}").values()
        assert {verdict.verdict for verdict in verdicts} == {Outcome.PASSED}


def test_no_probe_leaves_a_logit_at_zero() -> None:
    logits = logits_of(latents(64))
    assert (abs(logits) > 1e-3).all()
    assert (logits > 0).any()
    assert (logits < 0).any()
    assert far_latents().shape[1] == LATENTS
