"""The KL of two univariate Gaussians as students get it wrong, and as they get it right."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.distributions import Normal, kl_divergence

from reference.mistakes.catalogue import Mistake, Variant

Kl = Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]


def _right(mu_q: Tensor, var_q: Tensor, mu_p: Tensor, var_p: Tensor) -> Tensor:
    return 0.5 * (torch.log(var_p / var_q) + (var_q + (mu_q - mu_p) ** 2) / var_p - 1)


# One row for each mistake: name, what a TA would say, the wrong function.
_WRONG: tuple[tuple[str, str, Kl], ...] = (
    (
        "missing-half",
        "Right up to a constant factor: work out one case by hand and compare.",
        lambda mu_q, var_q, mu_p, var_p: 2 * _right(mu_q, var_q, mu_p, var_p),
    ),
    (
        "direction-swapped",
        "KL(q || p) and KL(p || q) differ: under which of the two is the expectation taken?",
        lambda mu_q, var_q, mu_p, var_p: _right(mu_p, var_p, mu_q, var_q),
    ),
    (
        "var-as-std",
        "The arguments are variances; one squaring too many has happened to them.",
        lambda mu_q, var_q, mu_p, var_p: _right(mu_q, var_q**2, mu_p, var_p**2),
    ),
    (
        "std-for-var",
        "The arguments are variances; nothing in the result wants their square roots.",
        lambda mu_q, var_q, mu_p, var_p: _right(mu_q, var_q.sqrt(), mu_p, var_p.sqrt()),
    ),
    (
        "log-ratio-inverted",
        "Follow the sign of the logarithm: which variance stands above the other?",
        lambda mu_q, var_q, mu_p, var_p: (
            0.5 * (torch.log(var_q / var_p) + (var_q + (mu_q - mu_p) ** 2) / var_p - 1)
        ),
    ),
    (
        "log-term-not-halved",
        "The logarithm came from standard deviations; express it in variances.",
        lambda mu_q, var_q, mu_p, var_p: (
            torch.log(var_p / var_q) + 0.5 * ((var_q + (mu_q - mu_p) ** 2) / var_p - 1)
        ),
    ),
    (
        "constant-missing",
        "What should the KL of a distribution from itself be?",
        lambda mu_q, var_q, mu_p, var_p: _right(mu_q, var_q, mu_p, var_p) + 0.5,
    ),
    (
        "mean-not-squared",
        "Does your KL change when both means change their sign? Should it?",
        lambda mu_q, var_q, mu_p, var_p: (
            0.5 * (torch.log(var_p / var_q) + (var_q + mu_q - mu_p) / var_p - 1)
        ),
    ),
    (
        "means-not-scaled",
        "How far apart two means are is measured in units of which spread?",
        lambda mu_q, var_q, mu_p, var_p: (
            0.5 * (torch.log(var_p / var_q) + var_q / var_p + (mu_q - mu_p) ** 2 - 1)
        ),
    ),
    (
        "scaled-by-q",
        "Which distribution's density sits inside the expectation's quadratic form?",
        lambda mu_q, var_q, mu_p, var_p: (
            0.5 * (torch.log(var_p / var_q) + var_q / var_p + (mu_q - mu_p) ** 2 / var_q - 1)
        ),
    ),
    (
        "sign-flipped",
        "A KL divergence is never negative; yours is never positive.",
        lambda mu_q, var_q, mu_p, var_p: -_right(mu_q, var_q, mu_p, var_p),
    ),
)

_RIGHT: tuple[tuple[str, Kl], ...] = (
    ("definition", _right),
    (
        "logs-apart",
        lambda mu_q, var_q, mu_p, var_p: (
            0.5 * (var_p.log() - var_q.log())
            + var_q / (2 * var_p)
            + (mu_p - mu_q) ** 2 / (2 * var_p)
            - 0.5
        ),
    ),
    (
        "standard-deviations",
        lambda mu_q, var_q, mu_p, var_p: (
            torch.log(var_p.sqrt() / var_q.sqrt())
            + (var_q + (mu_q - mu_p) ** 2) / (2 * var_p)
            - 0.5
        ),
    ),
    (
        "torch-distributions",
        lambda mu_q, var_q, mu_p, var_p: kl_divergence(
            Normal(mu_q, var_q.sqrt()), Normal(mu_p, var_p.sqrt())
        ),
    ),
)

Pair = tuple[float, float, float, float]  # mu_q, var_q, mu_p, var_p

# Examples of a very small and a very large divergence: name, what a TA would say, the two pairs.
_WRONG_EXAMPLES: tuple[tuple[str, str, Pair, Pair], ...] = (
    (
        "the-same-twice",
        "Two equal Gaussians have no divergence at all; take two that differ a little.",
        (0.0, 1.0, 0.0, 1.0),
        (0.0, 1.0, 10.0, 1.0),
    ),
    (
        "not-small",
        "Your first pair is not close: compute its divergence.",
        (0.0, 1.0, 1.0, 1.0),
        (0.0, 1.0, 10.0, 1.0),
    ),
    (
        "not-large",
        "Your second pair is not far apart: compute its divergence.",
        (0.0, 1.0, 0.1, 1.0),
        (0.0, 1.0, 3.0, 1.0),
    ),
    (
        "large-first",
        "The close pair comes first, the one far apart second.",
        (0.0, 1.0, 10.0, 1.0),
        (0.0, 1.0, 0.1, 1.0),
    ),
    (
        "wide-p-for-a-large-one",
        "Is it dear to describe a narrow Gaussian by a wide one, or the other way around?",
        (0.0, 1.0, 0.1, 1.0),
        (0.0, 1.0, 0.0, 1000.0),
    ),
)

_RIGHT_EXAMPLES: tuple[tuple[str, Pair, Pair], ...] = (
    ("moved-means", (0.0, 1.0, 0.1, 1.0), (0.0, 1.0, 10.0, 1.0)),
    ("scaled-variances", (0.0, 1.0, 0.0, 1.1), (0.0, 100.0, 0.0, 1.0)),
    ("both", (2.0, 3.0, 2.1, 3.2), (-5.0, 0.1, 5.0, 0.5)),
)


def _examples(small: Pair, large: Pair) -> Callable[[], tuple[Pair, Pair]]:
    return lambda: (small, large)


MISTAKES = (
    *(
        Mistake(f"gaussian-kl/{name}", "gaussian_kl", says, code, ("gaussian_kl_is_the_log_ratio",))
        for name, says, code in _WRONG
    ),
    *(
        Mistake(
            id=f"examples/{name}",
            function="gaussian_examples",
            says=says,
            code=_examples(small, large),
            killed_by=("examples_are_small_and_large",),
        )
        for name, says, small, large in _WRONG_EXAMPLES
    ),
)

VARIANTS = (
    *(Variant(f"gaussian-kl/{name}", "gaussian_kl", code) for name, code in _RIGHT),
    *(
        Variant(f"examples/{name}", "gaussian_examples", _examples(small, large))
        for name, small, large in _RIGHT_EXAMPLES
    ),
)
