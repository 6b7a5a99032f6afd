"""Solutions in the style of UvA, and the verdicts that its sheet comes to."""

from __future__ import annotations

import pytest

from tests.assignments.uva_vae import LIGHTNING, TORCH, uva
from tests.assignments.vae_dialect_verdicts import failed, lost
from tests.thinned import thinned


@pytest.mark.parametrize("model", [LIGHTNING, TORCH], ids=["lightning", "torch"])
def test_a_right_uva_solution_loses_nothing(model: str) -> None:
    assert lost("uva", uva(model=model)) == {}


UVA_WRONG = {
    "forward_reconstructs": ('reduction="none").sum(dim=[1, 2]).mean()', 'reduction="mean")'),
    "forward_regularises": (
        "L_reg = KLD(mean, log_std).mean()",
        "L_reg = KLD(mean, log_std).sum()",
    ),
    "forward_counts_bits": ("elbo_to_bpd(L_rec + L_reg", "elbo_to_bpd(L_rec - L_reg"),
    "forward_decodes_samples_of_q": (
        "torch.exp(log_std))\n        x_hat",
        "log_std.abs())\n        x_hat",
    ),
    "sample_draws_every_pixel": ("torch.multinomial(flat, 1)", "flat.argmax(dim=1)"),
    "sample_begins_with_the_prior": ("z = torch.randn(batch", "z = torch.rand(batch"),
    "grid_shows_means": ("mean = (probs * values).sum(dim=1, keepdim=True)", "mean = probs"),
    "encoder_gives_a_logarithm": ("self.log_std_layer(x)\n", "self.log_std_layer(x).exp()\n"),
    "decoder_gives_unbounded_logits": (
        "x.shape[0], -1, 4, 4))",
        "x.shape[0], -1, 4, 4)).softmax(1)",
    ),
}


@pytest.mark.parametrize("check", thinned(UVA_WRONG, 4))
def test_one_uva_mistake_costs_one_check(check: str) -> None:
    assert set(lost("uva", uva(UVA_WRONG[check]))) == {check}


def test_an_average_over_pixels_is_told_as_one() -> None:
    told = lost("uva", uva(UVA_WRONG["forward_reconstructs"]), "forward")
    assert "an average over the pixels" in told["forward_reconstructs"]


def test_an_early_uva_mistake_is_not_marked_down_in_the_model() -> None:
    wrong = uva(
        ("2 * log_std, dim=-1)", "log_std, dim=-1)"),
        ("eps * std", "eps * std ** 2"),
        ("/ np.prod(img_shape[1:])", "/ np.prod(img_shape)"),
    )
    assert lost("uva", wrong, "forward") == {}


def test_an_early_uva_function_that_is_not_written_costs_its_points_once() -> None:
    wrong = uva(("    return 0.5 * torch.sum(torch.exp", "    return oops(torch.exp"))
    assert failed("uva", wrong) == {"kl"}
