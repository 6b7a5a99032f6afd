"""Hidden checks of samplers: against the reference, at drawn levels and over longer runs.

Inputs are float32, as students' own are. How far rounding may carry an answer is measured on the
definition, as in the public checks; the right values are those of the reference.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from assignments.samplers import definitions
from assignments.samplers.ancestral_checks import ALPHA, drawn, expect_laws, own_split
from assignments.samplers.ancestral_laws import law_of_run, right_split, start
from assignments.samplers.checks import along_the_line, expect_own_guidance, guided_model
from assignments.samplers.ddim_checks import by_own_steps, steps_by_own_variance
from assignments.samplers.hidden_runs import (
    METHODS,
    MIXTURE,
    end_of_ddim,
    end_of_long_run,
    long_run,
    mixture,
    tensor,
    thousand_timesteps,
    written_out,
)
from assignments.samplers.judging import (
    RUN,
    asked,
    judge_by_either,
    numbers,
    own_weights,
    pairs,
    scalar,
)
from assignments.samplers.known_data import GaussianData
from grader.checks import (
    Callback,
    Expected,
    Subject,
    check,
    expect_all_close,
    expect_close,
)
from grader.checks.exact_null import detects
from reference import denoisers, samplers

Seed = Callable[[str], int]


def expect_end(subject: Subject, name: str, seed: int, right: Expected) -> None:
    """Demands that a long run of a sampler ends where it should.

    Raises:
        CheckFailure: an entry differs by more than rounding explains.
    """
    given = long_run(seed)
    (answer,) = asked(subject, name, [(Callback(mixture), *given, *METHODS[name][1])])
    expect_close(answer, right, given=dict(zip(RUN, given, strict=True)))


def run_agrees(subject: Subject, name: str, seed: int) -> None:
    """Demands the reference's end of a long run.

    Raises:
        CheckFailure: an entry differs by more than rounding explains.
    """
    expect_end(subject, name, seed, end_of_long_run(name, seed))


@check("score", points=0.25)
def score_agrees_on_a_mixture(subject: Subject, seed: Seed) -> None:
    """The score is right for a mixture of three Gaussians, at any level."""
    x, sigmas = long_run(seed("inputs"))
    given = [(Callback(mixture), x, np.asarray(sigma)) for sigma in sigmas[:-1]]
    expected = []
    for _, _, sigma in given:
        level, flat = tensor(sigma), tensor(x.reshape(-1, 1))
        size = (np.abs(x) + np.abs(MIXTURE(flat, level).numpy()).reshape(x.shape)) / sigma**2
        value = denoisers.score(MIXTURE, flat, level).numpy().reshape(x.shape)
        expected.append(Expected(value, size))
    shown = [{"x": x, "sigma": sigma} for _, _, sigma in given]
    expect_all_close(asked(subject, "score", given), expected, given=shown)


@check("levels", points=0.5)
def levels_agree_with_the_reference(subject: Subject, seed: Seed) -> None:
    """Schedules of many lengths, ends and densities are right."""
    rng = np.random.default_rng(seed("schedules"))
    given = [
        (int(rng.integers(2, 60)), *rng.uniform((0.01, 5.0, 1.0), (0.5, 80.0, 9.0)).tolist())
        for _ in range(12)
    ]
    expected = [
        Expected(samplers.karras_sigmas(*each).numpy(), np.asarray((1 + each[3]) * each[2]))
        for each in given
    ]
    single = [{"sigma_max": np.asarray(each[2], np.float32)} for each in given]
    answers = list(map(numbers, subject.map("karras_sigmas", given)))
    expect_all_close(answers, expected, given=single)


@check("euler", points=0.5)
def euler_agrees_over_a_long_run(subject: Subject, seed: Seed) -> None:
    """Nine steps on a mixture end where the reference's end."""
    run_agrees(subject, "euler", seed("run"))


@check("ancestral-levels", points=0.25)
def split_agrees_at_any_level(subject: Subject, seed: Seed) -> None:
    """Levels are split as by the reference, wherever they lie."""
    high = np.random.default_rng(seed("levels")).uniform(0.5, 20, 16).astype(np.float32)
    low = (high * np.linspace(0.05, 0.9, 16)).astype(np.float32)
    given = [(np.asarray(a), np.asarray(b)) for a, b in zip(high, low, strict=True)]
    parts = pairs(asked(subject, "ancestral_sigmas", given), "ancestral_sigmas")
    right = samplers.ancestral_sigmas(tensor(high), tensor(low))
    for answers, values in zip(parts, right, strict=True):
        scales = low.astype(np.float64) ** 2 / values.numpy()
        expected = [Expected(v, s) for v, s in zip(values.numpy(), scales, strict=True)]
        shown = [{"sigma": a, "following": b} for a, b in given]
        expect_all_close(answers, expected, given=shown)


_WIDE = GaussianData(-0.5, 2.0)


@check("ancestral", points=0.5, alpha=ALPHA, detects=detects((512, 32), ALPHA / 2))
def long_ancestral_run_keeps_its_law(subject: Subject, seed: Seed) -> None:
    """A run over many levels draws from the law that is known on Gaussian data."""
    sigmas = tuple(samplers.karras_sigmas(10, 0.25, 8.0).float().tolist()[:-1])
    x = start(sigmas[0], 512, 32)
    samples = drawn(subject, _WIDE, x, sigmas, seed("noise"))
    judge_by_either(
        lambda: expect_laws([samples], [law_of_run(_WIDE, x, sigmas, right_split)]),
        lambda: expect_laws([samples], [law_of_run(_WIDE, x, sigmas, own_split(subject))]),
    )


@check("weights", points=0.5)
def weights_agree_at_any_level(subject: Subject, seed: Seed) -> None:
    """The weights are right at levels of drawn distances, for orders up to four."""
    levels = np.cumsum(np.random.default_rng(seed("levels")).uniform(0.25, 0.75, 8))
    sigmas = levels[::-1].astype(np.float32)
    given = [(sigmas, step, order) for order in (1, 2, 3, 4) for step in range(order - 1, 7)]
    answers = list(map(numbers, asked(subject, "linear_multistep_coefficients", given)))
    expected = [
        Expected(
            samplers.linear_multistep_coefficients(tensor(sigmas), step, order).numpy(),
            definitions.integrals(sigmas, step, order).scale,
        )
        for _, step, order in given
    ]
    expect_all_close(answers, expected, given=[{"sigmas": sigmas} for _ in given])


@check("multistep", points=0.5)
def multistep_agrees_over_a_long_run(subject: Subject, seed: Seed) -> None:
    """Nine steps with up to three slopes end where the reference's end."""
    run = seed("run")
    judge_by_either(
        lambda: run_agrees(subject, "linear_multistep", run),
        lambda: _follows_from_own_weights(subject, run),
    )


def _follows_from_own_weights(subject: Subject, seed: int) -> None:
    _, sigmas = long_run(seed)
    weigh = own_weights(subject, sigmas, 3)
    if weigh is None:
        raise ValueError("weights that are right explain nothing")
    own = written_out(definitions.multistep(3, weigh), seed)
    right = end_of_long_run("linear_multistep", seed)
    assert own.scale is not None
    assert right.scale is not None
    expect_end(subject, "linear_multistep", seed, Expected(own.value, own.scale + right.scale))


@check("solver", points=0.5)
def solver_agrees_over_a_long_run(subject: Subject, seed: Seed) -> None:
    """Nine steps on a mixture end where the reference's end."""
    run_agrees(subject, "dpm_solver_pp_2m", seed("run"))


def drawn_steps(seed: int) -> list[tuple[Any, ...]]:
    """Arguments of ddim_step at drawn places of a schedule, float32."""
    rng = np.random.default_rng(seed)
    made = []
    for _ in range(12):
        left, left_next = np.sort(rng.uniform(0.02, 0.95, 2)).astype(np.float32)
        x_t, noise, fresh = rng.normal(0, 1.5, (3, 4, 2)).astype(np.float32)
        pair = np.asarray(left), np.asarray(left_next)
        made.append((x_t, noise, *pair, float(rng.uniform(0.1, 1)), fresh))
    return made


@check("ddim-variance", points=0.25)
def variance_agrees_along_a_schedule(subject: Subject, seed: Seed) -> None:
    """The fresh variance is right between any two places of a schedule."""
    given = [each[2:5] for each in drawn_steps(seed("steps"))]
    expected = [
        Expected(
            samplers.ddim_variance(tensor(left), tensor(left_next), eta).numpy(),
            definitions.ddim_variance(np.float64(left), np.float64(left_next), eta).scale,
        )
        for left, left_next, eta in given
    ]
    answers = [scalar(answer) for answer in asked(subject, "ddim_variance", given)]
    expect_all_close(answers, expected, given=[{"left": each[0]} for each in given])


@check("ddim-step", points=0.5)
def step_agrees_along_a_schedule(subject: Subject, seed: Seed) -> None:
    """A step is right between any two places of a schedule, for any eta."""
    given = drawn_steps(seed("steps"))
    answers = asked(subject, "ddim_step", given)
    expected = []
    for x_t, noise, left, left_next, eta, fresh in given:
        levels = tensor(left), tensor(left_next)
        value = samplers.ddim_step(tensor(x_t), tensor(noise), *levels, eta, tensor(fresh)).numpy()
        own = definitions.ddim_step(x_t, noise, left, left_next, eta, fresh)
        expected.append(Expected(value, own.scale))
    shown = [{"x_t": each[0]} for each in given]
    judge_by_either(
        lambda: expect_all_close(answers, expected, given=shown),
        lambda: expect_all_close(answers, steps_by_own_variance(subject, given), given=shown),
    )


@check("ddim", points=0.25)
def ddim_is_euler_in_another_coordinate(subject: Subject) -> None:
    """Ten of a thousand timesteps end where Euler's method ends on the same data."""
    model, x, timesteps, left = thousand_timesteps()
    (answer,) = asked(subject, "ddim", [(Callback(model), x, timesteps, left)])
    run = x, timesteps, left
    judge_by_either(
        lambda: expect_close(answer, end_of_ddim(), given={"x": x}),
        lambda: expect_close(answer, by_own_steps(subject, model, run, end_of_ddim())),
    )


@check("guided", points=0.25)
def guidance_sharpens_a_density(subject: Subject) -> None:
    """Between Gaussians of one variance, guidance is the denoiser of a Gaussian farther out."""
    x, sigma = np.asarray([[0.5, -1.25], [2.0, 0.0]], np.float32), 1.5
    near, far, scale = GaussianData(-0.5, 0.5), GaussianData(0.75, 0.5), 3.0
    beyond = GaussianData(near.mean + scale * (far.mean - near.mean), 0.5)
    answer = subject.call(guided_model(subject, far, near, scale), x, np.float32(sigma))
    wide = x.astype(np.float64)
    said = near.denoised(wide, sigma), far.denoised(wide, sigma)
    exact = Expected(beyond.denoised(wide, sigma), along_the_line(*said, scale).scale)
    low, high = (part.astype(np.float32) for part in said)
    judge_by_either(
        lambda: expect_close(answer, exact, given={"x": x}),
        lambda: expect_own_guidance(subject, answer, low, high, scale),
    )
