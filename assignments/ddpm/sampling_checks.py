"""Training and sampling as they draw their own noise, judged by what the model is shown."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from itertools import pairwise
from typing import Any, TypeAlias

import numpy as np

from assignments.ddpm import reverse_walk, training_draws
from assignments.ddpm.definitions import chain, rounding
from assignments.ddpm.panels import expect_less_noise, expect_six
from assignments.ddpm.training_draws import detectable_times, expect_squared_error, small_data
from assignments.ddpm.watcher import Shown, Watcher
from grader.checks import (
    Array,
    Callback,
    CheckFailure,
    Subject,
    as_array,
    check,
    evidence,
    expect,
    expect_standard_normal,
)
from grader.checks.exact_null import bundle, detects
from grader.checks.figures import decode_png, expect_drawn, pngs_of
from grader.errors import SubjectError

ALPHA, STEPS, SHAPE = training_draws.ALPHA, training_draws.STEPS, training_draws.SHAPE
WALK_BETAS = np.linspace(0.1, 0.5, STEPS).astype(np.float32)
Seed: TypeAlias = Callable[[str], int]


def _left() -> Array:
    signal, _ = chain(WALK_BETAS)
    return (signal**2).astype(np.float32)


def _trained(subject: Subject, seed: Seed) -> tuple[Shown, Array, Array]:
    """What one step of training shows to the model, the t that it tells, and its loss."""

    def step(network: Watcher, data: Array) -> Any:
        one_seed = seed("step")
        return subject.call("training_loss", Callback(network), data, _left(), seed=one_seed)

    shown, loss = training_draws.shown_by(step, small_data())
    whole = (shown.time == np.round(shown.time)) & (shown.time >= 1) & (shown.time <= STEPS)
    expect(
        whole,
        f"Your training tells the model times from {shown.time.min():g} to {shown.time.max():g}; "
        f"with {STEPS} betas t counts from 1 to {STEPS}.",
        shows=[] if whole.all() else _misread(shown),
    )
    return shown, shown.time.astype(np.int64), as_array(loss)


def _misread(shown: Shown) -> list[str]:
    """Mistakes that tell such times, where the noise is normal once they are read like that."""
    readings = {"draws/told-from-zero": shown.time + 1, "draws/told-a-fraction": shown.time * STEPS}
    return [id for id, time in readings.items() if _explains(shown, np.round(time))]


def _explains(shown: Shown, time: Array) -> bool:
    within = bool(time.min() >= 1 and time.max() <= STEPS)
    return within and not bundle(_noise(shown, time.astype(np.int64)), ALPHA).failing


@check("draws", points=0.5, alpha=ALPHA, detects=detectable_times())
def training_draws_every_timestep(subject: Subject, seed: Seed) -> None:
    """Each example draws its own t, and every t from 1 to T comes up equally often."""
    _, t, _ = _trained(subject, seed)
    training_draws.judge_counts(t, STEPS)


@check(
    "draws",
    points=0.5,
    alpha=ALPHA,
    detects=detects(
        SHAPE, ALPHA / 2, {"draws/shared-noise": ("columns", 1.0), "draws/uniform": ("std", 0.7)}
    ),
)
def training_draws_fresh_noise(subject: Subject, seed: Seed) -> None:
    """x_t holds standard normal noise, drawn afresh for every entry."""
    shown, t, _ = _trained(subject, seed)
    try:
        _expect_fresh(_noise(shown, t))
    except CheckFailure:
        own = _own_noise(subject, shown, t)
        if own is None:
            raise
        _expect_fresh(own)
        evidence(follows_from_own_functions=True)


def _expect_fresh(noise: Array) -> None:
    shared = np.allclose(noise, noise[:1], atol=1e-3)
    expect(not shared, "All examples get the same noise.", shows=["draws/shared-noise"])
    expect_standard_normal(noise, alpha=ALPHA / 2, function="training's noise")


@check(
    "draws",
    points=0.5,
    alpha=ALPHA,
    detects=detects(SHAPE, ALPHA, {"draws/told-another-t": ("std", 0.5)}),
)
def training_returns_the_loss_of_its_draws(subject: Subject, seed: Seed) -> None:
    """What comes back is the loss of 4.1, at the t and the noise that were drawn."""
    shown, t, loss = _trained(subject, seed)
    noise = _noise(shown, t)
    try:
        # A t that was not the one of the noise level explains no normal noise.
        expect_standard_normal(noise, alpha=ALPHA, function="training's noise")
        _expect_loss(loss, shown, noise)
    except CheckFailure:
        own = _own_noise(subject, shown, t)
        if own is None or not _is_own_loss(subject, loss, t, own.astype(np.float32)):
            raise
        evidence(follows_from_own_functions=True)


def _expect_loss(loss: Array, shown: Shown, noise: Array) -> None:
    expect(loss.size == 1, "Your training_loss should return one number.")
    size = np.abs(noise) + np.abs(shown.answer) + np.abs(shown.x)
    growth = float(rounding(WALK_BETAS).max())
    try:
        expect_squared_error(loss.reshape(()), noise - shown.answer, size, growth)
    except CheckFailure as failure:
        with suppress(CheckFailure):
            expect_squared_error(loss / len(noise), noise - shown.answer, size, growth)
            failure.shows = ("draws/loss-times-the-batch",)
        raise


def _noise(shown: Shown, t: Array) -> Array:
    return training_draws.noise_in(shown, small_data(), t, WALK_BETAS)[0]


def _own_noise(subject: Subject, shown: Shown, t: Array) -> Array | None:
    """The noise that leads to x_t under the student's own q_sample; None where none does."""
    x0, left = small_data(), _left()
    try:
        zero, one = (
            as_array(subject.call("q_sample", x0, t, np.full_like(x0, size), left))
            for size in (0, 1)
        )
    except SubjectError:
        return None
    if zero.shape != x0.shape or one.shape != x0.shape or not (one != zero).all():
        return None
    return np.asarray((shown.x - zero) / (one.astype(np.float64) - zero))


def _is_own_loss(subject: Subject, loss: Array, t: Array, noise: Array) -> bool:
    """Whether the student's own diffusion_loss explains what training returned."""
    try:
        given = (small_data(), t, noise, _left())
        own = as_array(subject.call("diffusion_loss", Callback(Watcher()), *given))
    except SubjectError:
        return False
    return (
        loss.size == 1 and own.size == 1 and bool(np.allclose(loss.item(), own.item(), rtol=1e-3))
    )


def _walked(subject: Subject, seed: Seed) -> reverse_walk.Walk:
    def sampler(network: Watcher) -> Any:
        given = (reverse_walk.SHAPE, WALK_BETAS, WALK_BETAS)
        return subject.call("sample", Callback(network), *given, seed=seed("walk"))

    return reverse_walk.walk(sampler)


@check(
    "sampling",
    points=0.75,
    alpha=ALPHA,
    detects=detects(reverse_walk.SHAPE, ALPHA / 2, {"sampling/uniform-start": ("std", 0.7)}),
)
def sampling_leads_from_noise_to_the_last_mean(subject: Subject, seed: Seed) -> None:
    """The walk begins with standard normal noise, visits every t from T to 1, and ends silently."""
    taken = _walked(subject, seed)
    reverse_walk.judge_length(taken, STEPS)
    reverse_walk.judge_times(taken, {float(t): t for t in range(1, STEPS + 1)}, STEPS)
    reverse_walk.judge_start(taken, ALPHA / 2)
    _judge_by_own_step(subject, taken)


def _judge_by_own_step(subject: Subject, taken: reverse_walk.Walk) -> None:
    """Demands that the last step gives its mean, or what the student's own p_sample makes of it."""
    try:
        reverse_walk.judge_end(taken, WALK_BETAS)
    except CheckFailure:
        own = _own_step(subject, taken.calls[-1], 1)
        if own is None:
            raise
        mean, spread = own[0], own[1] - own[0]
        away = taken.end - mean
        if (spread > 1e-6).all():
            expect_standard_normal(away / spread, alpha=ALPHA / 2, function="sampler's last step")
        elif not (np.abs(away) <= 1e-4 * (1 + np.abs(mean))).all():
            raise
        evidence(follows_from_own_functions=True)


def _own_step(subject: Subject, call: Shown, t: int) -> list[Array] | None:
    """A step back from what a call was shown, by the student's p_sample, for noise of 0 and 1."""
    x = call.x.astype(np.float32)
    found = []
    for size in (0, 1):
        given = (x, np.full(len(x), t), np.full_like(x, size), WALK_BETAS, WALK_BETAS)
        try:
            answer = as_array(subject.call("p_sample", Callback(Watcher(0.25, 4.0)), *given))
        except SubjectError:
            return None
        found.append(answer.astype(np.float64))
    return found if all(each.shape == x.shape for each in found) else None


def _judge_draws_of_own_steps(subject: Subject, taken: reverse_walk.Walk) -> bool:
    """Whether the steps are draws as the student's p_sample makes them."""
    drawn = []
    for place, (before, after) in enumerate(pairwise(taken.calls)):
        own = _own_step(subject, before, STEPS - place)
        if own is None:
            return False
        mean, spread = own[0], own[1] - own[0]
        moving = np.abs(spread) > 1e-6
        if moving.all():
            drawn.append((after.x - mean) / spread)
        elif moving.any() or not (np.abs(after.x - mean) <= 1e-4 * (1 + np.abs(mean))).all():
            return False
    if drawn:
        rows = np.concatenate(drawn, axis=1)
        expect_standard_normal(rows, alpha=ALPHA / 2, function="sampler")
    return True


@check(
    "sampling",
    points=0.75,
    alpha=ALPHA,
    detects=detects(
        (reverse_walk.ROWS, reverse_walk.COLUMNS * (STEPS - 1)),
        ALPHA / 2,
        {"sampling/one-noise-for-all-steps": ("rows", 0.1), "sampling/no-noise": ("std", 0.9)},
    ),
)
def sampling_draws_at_every_step(subject: Subject, seed: Seed) -> None:
    """Each step but the last draws around its mean, with fresh noise of the given variance."""
    taken = _walked(subject, seed)
    try:
        reverse_walk.judge_steps(taken, WALK_BETAS, [WALK_BETAS], ALPHA / 2)
    except CheckFailure:
        reverse_walk.judge_length(taken, STEPS)
        if not _judge_draws_of_own_steps(subject, taken):
            raise
        evidence(follows_from_own_functions=True)


@check("panels", points=0.5)
def six_panels_lead_from_noise_to_data(outputs: Sequence[Mapping[str, Any]], question: Any) -> None:
    """One figure shows six panels of a chain, with less noise in the last than in the first."""
    place = question.figure.after
    pictures = [decode_png(png) for png in pngs_of(outputs, place)]
    expect(
        len(pictures) > 0,
        f"There is no figure in the output of the cell {place!r}, nor of those added to it.",
    )
    expect_drawn(pictures[-1])
    expect_six(pictures[-1])
    expect_less_noise(pictures[-1])
