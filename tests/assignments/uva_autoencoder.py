"""The model of UvA's sheet as a file of it, edited line by line, and what the checks say to it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from grader.assignment import load
from grader.authored import assignment_checks
from grader.checks.context import Context
from grader.checks.runner import run_check
from grader.checks.seeds import Seeds
from grader.checks.verdict import Outcome, Verdict
from grader.dialect import in_dialect
from grader.kernel.local import LocalSubject

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
