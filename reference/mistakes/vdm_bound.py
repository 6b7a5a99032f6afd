"""The three-term bound as students get it wrong, and as they get it right."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TypeAlias

import torch
from torch import Tensor

from reference.mistakes.catalogue import Mistake, Variant
from reference.mistakes.vdm_terms import consistency, log_density
from reference.vdm import BoundTerms, DataModel

Terms: TypeAlias = Callable[[DataModel, Tensor, Tensor, Tensor, float], BoundTerms]


def _prior(x0: Tensor, alphas_cumprod: Tensor) -> Tensor:
    last = alphas_cumprod[-1]
    return 0.5 * (last * x0**2 - last - torch.log(1 - last)).flatten(1).sum(1)


def _bound(
    model: DataModel,
    x0: Tensor,
    noise: Tensor,
    alphas_cumprod: Tensor,
    decoder_variance: float,
    first: int = 1,
    told: int = 0,
    spread: float = 0.5,
) -> BoundTerms:
    losses, reconstruction = [], x0.new_zeros(len(x0))
    for t in range(1, len(noise) + 1):
        left = alphas_cumprod[t - 1]
        noised = left.sqrt() * x0 + (1 - left) ** spread * noise[t - 1]
        times = torch.full((len(x0),), t)
        predicted = model(noised, times + told)
        if t == first:
            reconstruction = log_density(x0, predicted, decoder_variance)
        if t > 1:
            losses.append(consistency(x0, predicted, times, alphas_cumprod))
    return BoundTerms(reconstruction, _prior(x0, alphas_cumprod), torch.stack(losses).sum(0))


def _after(change: Callable[[BoundTerms, int], BoundTerms]) -> Callable[[Terms], Terms]:
    return lambda terms: (
        lambda model, x0, noise, alphas_cumprod, decoder_variance: change(
            terms(model, x0, noise, alphas_cumprod, decoder_variance), len(noise)
        )
    )


_AVERAGED = _after(lambda terms, t: terms._replace(consistency=terms.consistency / (t - 1)))
_REVERSED = _after(lambda terms, _: terms._replace(consistency=-terms.consistency))
_NO_PRIOR = _after(
    lambda terms, _: terms._replace(prior_matching=torch.zeros_like(terms.prior_matching))
)
_LOSS = _after(lambda terms, _: terms._replace(reconstruction=-terms.reconstruction))
_POOLED = _after(lambda terms, _: BoundTerms(*(term.mean() for term in terms)))


def _one_noise(terms: Terms) -> Terms:
    return lambda model, x0, noise, alphas_cumprod, decoder_variance: terms(
        model, x0, noise[:1].expand_as(noise), alphas_cumprod, decoder_variance
    )


def _clean_input(
    model: DataModel, x0: Tensor, noise: Tensor, alphas_cumprod: Tensor, decoder_variance: float
) -> BoundTerms:
    levels = iter(alphas_cumprod.sqrt())
    return _bound(
        lambda _, t: model(next(levels) * x0, t), x0, noise, alphas_cumprod, decoder_variance
    )


_ON_TOP = tuple(
    Mistake(
        f"bound/{name}",
        "bound_terms",
        says,
        around(_bound),
        around=around,
    )
    for name, says, around in (
        (
            "consistency-averaged",
            "The bound grows by a term with every timestep: are they added or averaged?",
            _AVERAGED,
        ),
        (
            "consistency-negative",
            "A KL divergence is never negative; one of your terms is never positive.",
            _REVERSED,
        ),
        (
            "prior-dropped",
            "A short chain leaves signal in the last step: which term of yours notices?",
            _NO_PRIOR,
        ),
        (
            "reconstruction-as-a-loss",
            "Is a better reconstruction more likely under your first term, or less?",
            _LOSS,
        ),
        (
            "mean-over-the-batch",
            "One bound came back for a whole batch; each image has its own.",
            _POOLED,
        ),
        (
            "one-noise-for-every-t",
            "Each timestep brings its own noise; yours seem to share it.",
            _one_noise,
        ),
    )
)

_BY_ITSELF = tuple(
    Mistake(f"bound/{name}", "bound_terms", says, code)
    for name, says, code in (
        (
            "reconstruction-from-the-second-step",
            "From which noised image does the decoder go back to the data?",
            partial(_bound, first=2),
        ),
        (
            "model-told-another-step",
            "Which t goes with the noised image that your model gets to see?",
            partial(_bound, told=-1),
        ),
        (
            "variance-as-std",
            "What scales a standard normal draw: the variance that you want, or something else?",
            partial(_bound, spread=1.0),
        ),
        (
            "no-noise",
            "Is there any noise in what the model gets to see?",
            _clean_input,
        ),
    )
)

MISTAKES: tuple[Mistake, ...] = _ON_TOP + _BY_ITSELF


def _in_one_call(
    model: DataModel, x0: Tensor, noise: Tensor, alphas_cumprod: Tensor, decoder_variance: float
) -> BoundTerms:
    steps, batch = noise.shape[:2]
    left = alphas_cumprod.reshape(-1, *[1] * x0.ndim)
    noised = left.sqrt() * x0 + (1 - left).sqrt() * noise  # (T, B, ...)
    t = torch.arange(1, steps + 1).repeat_interleave(batch)
    predicted = model(noised.flatten(0, 1), t).reshape(noised.shape)
    errors = (x0 - predicted).square().flatten(2).sum(2)  # (T, B)
    weights = -0.5 * torch.diff(alphas_cumprod / (1 - alphas_cumprod))
    return BoundTerms(
        log_density(x0, predicted[0], decoder_variance),
        _prior(x0, alphas_cumprod),
        weights @ errors[1:],
    )


def _image_by_image(
    model: DataModel, x0: Tensor, noise: Tensor, alphas_cumprod: Tensor, decoder_variance: float
) -> BoundTerms:
    rows = [
        _bound(model, x0[i : i + 1], noise[:, i : i + 1], alphas_cumprod, decoder_variance)
        for i in range(len(x0))
    ]
    return BoundTerms(*(torch.cat(column) for column in zip(*rows, strict=True)))


def _plain_tuple(
    model: DataModel, x0: Tensor, noise: Tensor, alphas_cumprod: Tensor, decoder_variance: float
) -> tuple[Tensor, Tensor, Tensor]:
    total = torch.zeros(len(x0)).to(x0)
    for index in reversed(range(len(noise))):
        left = alphas_cumprod[index]
        noised = torch.sqrt(left) * x0 + torch.sqrt(1 - left) * noise[index]
        t = torch.ones(len(x0), dtype=torch.long) * (index + 1)
        predicted = model(noised, t)
        if index:
            total += consistency(x0, predicted, t, alphas_cumprod)
    return log_density(x0, predicted, decoder_variance), _prior(x0, alphas_cumprod), total


VARIANTS: tuple[Variant, ...] = (
    Variant("bound/backwards-in-time", "bound_terms", _plain_tuple),
    Variant("bound/loop-over-steps", "bound_terms", _bound),
    Variant("bound/one-call", "bound_terms", _in_one_call),
    Variant("bound/image-by-image", "bound_terms", _image_by_image),
)
