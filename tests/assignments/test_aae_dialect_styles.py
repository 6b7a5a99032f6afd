"""Right models in the style of the UvA course."""

from __future__ import annotations

import pytest

from grader.checks.verdict import Outcome
from tests.assignments.uva_autoencoder import PLAIN, edited, failed, namespace, verdicts_on

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


@pytest.mark.parametrize("style", RIGHT)
def test_a_right_model_passes_in_every_style(style: str) -> None:
    wrong = failed(edited(RIGHT[style]))
    if style == "a sigmoid that the losses know of":
        assert set(wrong) == {"discriminator_gives_logits"}
    else:
        assert wrong == {}


@pytest.mark.slow
def test_a_right_model_passes_under_any_seed() -> None:
    for course in range(50):
        verdicts = verdicts_on(namespace(PLAIN), f"aae {course}").values()
        assert {verdict.verdict for verdict in verdicts} == {Outcome.PASSED}
