from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from reference.distributions import (
    categorical_log_likelihood,
    gaussian_kl,
    kl_to_unit_gaussian,
)
from reference.mistakes.catalogue import Mistake, Variant
from reference.mistakes.vae import MISTAKES, VARIANTS
from reference.vae import (
    LinearGaussian,
    elbo_to_bpd,
    manifold_grid,
    monte_carlo_log_likelihood,
    reparameterized_sample,
)

# Examples that a student chooses are judged by their divergences, further down.
EXAMPLES = "gaussian_examples"
FUNCTIONS = {variant.function for variant in VARIANTS} - {EXAMPLES}


def drawn(seed: int, *shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


LOGITS, MEAN, LOG_STD = 3 * drawn(1, 3, 16, 2, 5), drawn(2, 3, 4), drawn(3, 3, 4)
X, WEIGHT, BIAS = drawn(8, 3, 5), drawn(9, 5, 4), drawn(10, 5)
NOISE_VAR = torch.tensor(0.5)
LEVELS = torch.randint(0, 16, (3, 1, 2, 5), generator=torch.Generator().manual_seed(4))


def decoder(z: Tensor) -> Tensor:
    """Logits whose mean level depends on all latents, on two most, and on the pixel."""
    others = 0.1 * z[:, 2:].sum(dim=1, keepdim=True)
    centre = 7 + z[:, :1] + 0.5 * z[:, 1:2] + others + torch.arange(6) / 6  # (B, 6)
    levels = torch.arange(16).reshape(1, 16, 1)
    return (5 - 2 * (levels - centre[:, None]) ** 2).reshape(-1, 16, 2, 3)


def seeded(sampler: Callable[..., Tensor], *inputs: Any) -> Tensor:
    torch.manual_seed(7)
    return sampler(*inputs)


INPUTS: dict[str, tuple[Any, ...]] = {
    "gaussian_kl": (MEAN, LOG_STD.exp(), MEAN.flip(0), LOG_STD.flip(0).exp()),
    "KLD": (MEAN, LOG_STD),
    "sample_reparameterize": (MEAN, LOG_STD.exp()),
    "reconstruction_loss": (LOGITS, LEVELS),
    "elbo_loss": (LOGITS, LEVELS, MEAN, LOG_STD),
    "elbo_to_bpd": (drawn(5, 4).exp(), (4, 3, 2, 5)),
    "visualize_manifold": (decoder, 4),
    "log_likelihood_mc": (LEVELS[:, :, :, :3], decoder, 12),
    "linear_gaussian_elbo": (X, WEIGHT, BIAS, NOISE_VAR, MEAN, LOG_STD),
    "sample": (decoder, 3),
    "plot_latents": (decoder, 1, 0),
}


def right_answer(function: str) -> Tensor:
    """By the reference in float64."""
    wide = [
        value.double() if torch.is_tensor(value) and value.is_floating_point() else value
        for value in INPUTS[function]
    ]
    reconstruction = -categorical_log_likelihood(LOGITS.double(), LEVELS).mean()
    kl = kl_to_unit_gaussian(MEAN.double(), LOG_STD.double())
    torch.manual_seed(7)
    answers: dict[str, Callable[[], Tensor]] = {
        "gaussian_kl": lambda: gaussian_kl(*wide),
        "KLD": lambda: kl,
        "sample_reparameterize": lambda: reparameterized_sample(
            wide[0], wide[1], torch.randn_like(MEAN).double()
        ),
        "reconstruction_loss": lambda: reconstruction,
        "elbo_loss": lambda: reconstruction + kl.mean(),
        "elbo_to_bpd": lambda: elbo_to_bpd(*wide),
        "linear_gaussian_elbo": lambda: closed_bounds(*wide),
        "sample": drawn_levels,
        "plot_latents": lambda: tiled_means(manifold_grid(10).flip(1), 10),
        "visualize_manifold": lambda: tiled_means(manifold_grid(4), 4),
        "log_likelihood_mc": lambda: monte_carlo(torch.randn(12, 20)),
    }
    return answers[function]()


def monte_carlo(z: Tensor) -> Tensor:
    logits = decoder(z).double()
    images = [LEVELS[b : b + 1, 0, :, :3].expand(12, -1, -1) for b in range(3)]
    by_image = [categorical_log_likelihood(logits, image) for image in images]
    return monte_carlo_log_likelihood(torch.stack(by_image, dim=1))


def closed_bounds(
    x: Tensor, weight: Tensor, bias: Tensor, noise_var: Tensor, mean: Tensor, log_std: Tensor
) -> Tensor:
    model = LinearGaussian(weight, bias, noise_var.item())
    each = zip(x.split(1), mean.split(1), (2 * log_std).exp(), strict=True)
    return torch.cat([model.elbo(own, centre, torch.diag(var)) for own, centre, var in each])


def drawn_levels() -> Tensor:
    probabilities = decoder(torch.randn(3, 20)).softmax(dim=1).permute(0, 2, 3, 1)
    return torch.multinomial(probabilities.reshape(-1, 16), 1).reshape(3, 1, 2, 3).double()


def tiled_means(z: Tensor, n: int) -> Tensor:
    probabilities = decoder(z).softmax(dim=1)
    means = (probabilities * torch.arange(16).reshape(1, 16, 1, 1)).sum(dim=1)
    rows = [torch.cat(list(row), dim=1) for row in means.reshape(n, n, 2, 3)]
    return torch.cat(rows, dim=0)


def test_ids_are_unique() -> None:
    counted = Counter(entry.id for entry in (*MISTAKES, *VARIANTS))
    assert (
        [id for id, count in counted.items() if count > 1]
        == [
            # One implementation may stand in both lists under the same words only by accident.
        ]
    )


def test_every_function_has_three_variants_and_a_mistake() -> None:
    variants = Counter(variant.function for variant in VARIANTS)
    assert min(variants.values()) >= 3
    assert {mistake.function for mistake in MISTAKES} - {EXAMPLES} == FUNCTIONS == set(INPUTS)


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.id)
def test_what_is_said_is_one_short_hint(mistake: Mistake) -> None:
    assert 20 < len(mistake.says) < 120
    assert mistake.says[-1] in ".?"
    assert not set("*=^") & set(mistake.says.replace("std = ", "")), "a formula gives it away"


# Right with other noise, another order or another scale: the assignment's checks judge these.
OTHERWISE_RIGHT = {
    "reparam/minus-noise",
    "manifold/second-latent-upwards",
    "manifold/scaled-to-one",
    "mc/image-by-image",
    "bpd/as-a-tensor-of-one",
    "recon/of-one-entry",
    "recon/a-python-float",
    "elbo/of-one-entry",
    "ancestral/gumbel",
    "ancestral/inversion",
    "ancestral/categorical",
    "ancestral/image-by-image",
    "latent-pairs/one-by-one",
    "latent-pairs/scaled-to-one",
    "latent-pairs/other-way-around",
}


@pytest.mark.parametrize(
    "variant",
    [
        variant
        for variant in VARIANTS
        if variant.function != EXAMPLES and variant.id not in OTHERWISE_RIGHT
    ],
    ids=lambda variant: variant.id,
)
def test_a_variant_agrees_with_the_reference(variant: Variant) -> None:
    answer = seeded(variant.code, *INPUTS[variant.function])
    right = right_answer(variant.function)
    torch.testing.assert_close(answer.double(), right, rtol=2e-5, atol=2e-5)


# Wrong in their gradient, dtype or freshness, not in the numbers that one call returns.
WRONG_OTHERWISE = {
    "reparam/detached",
    "reparam/torch-normal",
    "reparam/std-detached",
    "reparam/mean-detached",
    "elbo/kl-detached",
}


@pytest.mark.parametrize(
    "mistake",
    [mistake for mistake in MISTAKES if mistake.function != EXAMPLES],
    ids=lambda mistake: mistake.id,
)
def test_a_mistake_is_wrong(mistake: Mistake) -> None:
    answer = seeded(mistake.code, *INPUTS[mistake.function])
    right = right_answer(mistake.function)
    same = answer.shape == right.shape and torch.allclose(answer.double(), right, rtol=1e-3)
    assert same == (mistake.id in WRONG_OTHERWISE)


@pytest.mark.parametrize("id", sorted(WRONG_OTHERWISE))
def test_a_detached_mistake_loses_a_gradient(id: str) -> None:
    (mistake,) = (mistake for mistake in MISTAKES if mistake.id == id)
    inputs = [
        value.clone().requires_grad_() if value.is_floating_point() else value
        for value in INPUTS[mistake.function]
    ]
    answer = mistake.code(*inputs).sum()
    leaves = [value for value in inputs if value.requires_grad]
    found = (
        torch.autograd.grad(answer, leaves, allow_unused=True)
        if answer.requires_grad
        else (None,) * len(leaves)
    )
    assert any(gradient is None or not gradient.any() for gradient in found)


@pytest.mark.parametrize(
    "entry",
    [entry for entry in (*MISTAKES, *VARIANTS) if entry.function == EXAMPLES],
    ids=lambda entry: entry.id,
)
def test_examples_are_close_and_far_apart_where_they_are_right(entry: Mistake | Variant) -> None:
    small, large = (torch.tensor(pair, dtype=torch.float64) for pair in entry.code())
    good = 0 < gaussian_kl(*small) < 0.01 and gaussian_kl(*large) > 10
    assert good == isinstance(entry, Variant)
