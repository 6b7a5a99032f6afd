"""Public checks of ancestral sampling: its split of a level, and the law of its samples.

With an exact denoiser the law of one step is Gaussian whatever the data, and with Gaussian data a
step is affine in x, so that the law of a whole run is known as exactly. Samples are held against
it by tests whose null laws are exact at this sample size.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise

import numpy as np

from assignments.samplers.ancestral_laws import (
    GAUSSIAN,
    ONE_STEP,
    RUNS,
    Law,
    Split,
    law_of_run,
    law_of_step,
    missing_square,
    one_draw_for_all,
    right_split,
    start,
)
from assignments.samplers.definitions import split
from assignments.samplers.judging import asked, judge_by_either, pairs, repeated
from assignments.samplers.known_data import GaussianData, KnownData
from grader.checks import (
    Array,
    Callback,
    Expected,
    Handle,
    Subject,
    as_array,
    check,
    expect,
    expect_all_close,
    expect_close,
    expect_shape,
    expect_standard_normal,
)
from grader.checks.exact_null import detects
from grader.errors import SubjectError

ALPHA = 1e-9
# Judged by the right split of a level, and where that fails by the student's own.
_TRIES = 2
_ROWS, _COLUMNS = 256, 32

# 3.1 Down, and up again

SPLITS = ((2.0, 1.0), (4.0, 1.0), (1.0, 0.5), (1.5, 1.25), (0.75, 0.125), (1.0, 0.0), (16.0, 3.0))
_LEVELS = ("sigma", "following")


@check("ancestral-levels", points=0.5)
def next_level_is_split_by_bayes(subject: Subject) -> None:
    """Down and up give x at the next level the law that it has once x at the present is known."""
    given = _levels(SPLITS)
    downs, ups = pairs(asked(subject, "ancestral_sigmas", given), "ancestral_sigmas")
    right = [split(*levels) for levels in SPLITS]
    shown = [dict(zip(_LEVELS, each, strict=True)) for each in given]
    for answers, expected, name in (
        (downs, [down for down, _ in right], "the first number"),
        (ups, [up for _, up in right], "the second number"),
    ):
        whose = f"ancestral_sigmas, {name},"
        expect_all_close(answers, expected, given=shown, function=whose)


@check("ancestral-levels", points=0.25)
def parts_of_a_level_add_up(subject: Subject) -> None:
    """Two independent noises, of down and of up, make the noise of the next level."""
    given = _levels(SPLITS)
    downs, ups = pairs(asked(subject, "ancestral_sigmas", given), "ancestral_sigmas")
    for each, down, up, (_, following) in zip(given, downs, ups, SPLITS, strict=True):
        total = np.float64(as_array(down)) ** 2 + np.float64(as_array(up)) ** 2
        says = "the variance at the next level"
        expect_close(
            total,
            Expected(np.asarray(following**2), np.asarray(4 * following**2), says),
            given=dict(zip(_LEVELS, each, strict=True)),
            function="ancestral_sigmas, by the variance of both noises together,",
        )


def _levels(of: Sequence[tuple[float, float]]) -> list[tuple[Array, Array]]:
    return [(np.asarray(a, np.float32), np.asarray(b, np.float32)) for a, b in of]


# 3.2 Ancestral sampling


def own_split(subject: Subject) -> Split:
    """The student's own; raises where it is none.

    Raises:
        SubjectError: there is no such function, or it returns no numbers.
        ValueError: it returns no levels.
    """

    def ask(sigma: float, following: float) -> tuple[float, float]:
        answers = asked(subject, "ancestral_sigmas", _levels([(sigma, following)]))
        (down,), (up,) = pairs(answers, "ancestral_sigmas")
        found = float(as_array(down)), float(as_array(up))
        if not min(found) >= 0:
            raise ValueError(f"{found} are no levels")
        return found

    return ask


def drawn(subject: Subject, data: KnownData, x: Array, sigmas: Sequence[float], seed: int) -> Array:
    """Samples from the global generator, or from one of its own where the code needs one.

    Raises:
        SubjectError: the code takes neither.
        CheckFailure: the samples have another shape than x.
    """
    levels = np.asarray(sigmas, np.float32)
    given = (Callback(data), x, levels)
    (answer,) = subject.repeat("euler_ancestral", *given, None, seeds=[seed])
    if isinstance(answer, SubjectError) and (own := generator(subject, seed)) is not None:
        (answer,) = asked(subject, "euler_ancestral", [(*given, own)])
    samples = as_array(answer)
    expect_shape(samples, x.shape)
    return samples.astype(np.float64)


def generator(subject: Subject, seed: int) -> Handle | None:
    """A generator on the student's side; None where torch goes by another name there."""
    try:
        made = subject.call("torch", method="Generator")
        subject.call(made, seed, method="manual_seed")
    except SubjectError:
        return None
    return made if isinstance(made, Handle) else None


def expect_laws(samples: Sequence[Array], laws: Sequence[Law]) -> None:
    """Demands samples of all these laws; where one has no spread, its mean.

    Raises:
        CheckFailure: they do not follow them.
    """
    residuals = []
    for sample, (mean, std) in zip(samples, laws, strict=True):
        if std > 0:
            residuals.append((sample - mean) / std)
        else:
            expect_close(sample.astype(np.float32), Expected(mean, 4 * np.abs(mean) + 1))
    if residuals:
        expect_standard_normal(np.concatenate(residuals), alpha=ALPHA / _TRIES)


_MISTAKES = {
    "ancestral/square-missing": ("std", missing_square()),
    "ancestral/one-noise-for-the-batch": ("columns", 1.0),
    "ancestral/uniform-noise": ("mean", 0.5),
}


@check(
    "ancestral",
    points=0.75,
    alpha=ALPHA,
    detects=detects((len(ONE_STEP) * _ROWS, _COLUMNS), ALPHA / _TRIES, _MISTAKES),
)
def ancestral_law_is_exact(subject: Subject, seed: Callable[[str], int]) -> None:
    """A step draws x at the next level around the deterministic one to down, with deviation up."""
    data = KnownData()
    given = [(start(levels[0], _ROWS, _COLUMNS), levels) for levels in ONE_STEP]
    samples = [drawn(subject, data, *each, seed(str(each[1]))) for each in given]

    def judge(parts: Split) -> None:
        expect_laws(samples, [law_of_step(data, *each, parts) for each in given])

    judge_by_either(partial(judge, right_split), lambda: judge(own_split(subject)))


@check(
    "ancestral",
    points=0.5,
    alpha=ALPHA,
    detects=detects(
        (len(RUNS) * _ROWS, _COLUMNS),
        ALPHA / _TRIES,
        {"ancestral/one-noise-for-all-steps": ("std", one_draw_for_all())},
    ),
)
def ancestral_run_keeps_its_law(subject: Subject, seed: Callable[[str], int]) -> None:
    """On Gaussian data a whole run is a Gaussian draw, whose mean and variance are known."""
    given = [(start(sigmas[0], _ROWS, _COLUMNS), sigmas) for sigmas in RUNS]
    samples = [drawn(subject, GAUSSIAN, *each, seed(str(each[1]))) for each in given]

    def judge(parts: Split) -> None:
        expect_laws(samples, [law_of_run(GAUSSIAN, *each, parts) for each in given])

    judge_by_either(partial(judge, right_split), lambda: judge(own_split(subject)))


@check("ancestral", points=0.25)
def ancestral_sampling_ends_at_the_data(subject: Subject) -> None:
    """The last step, to level zero, ends at the denoised data and adds nothing."""
    x, data = start(2.0, 3, 2), KnownData()
    clean = data.denoised(x.astype(np.float64), 2.0)
    one_point = GaussianData(1.0, 0.0)
    cases = (
        (data, (2.0, 0.0), Expected(clean, np.abs(x) + np.abs(clean), "the denoised data")),
        (one_point, (2.0, 1.0, 0.0), Expected(np.ones_like(x), 4 + np.abs(x), "the only data")),
    )
    for known, sigmas, expected in cases:
        sample = drawn(subject, known, x, sigmas, 1).astype(np.float32)
        expect_close(sample, expected, given={"x": x, "sigmas": np.asarray(sigmas, np.float32)})


@check("ancestral", points=0.5)
def generator_decides_the_noise(subject: Subject) -> None:
    """One generator leads to one sample, and generators of other seeds to other samples."""
    levels = (2.0, 1.0, 0.5)
    given = Callback(KnownData()), start(2.0, 4, 3), np.asarray(levels, np.float32)
    if all(up == 0 for up in _own_ups(subject, levels)):
        return  # costs its points in 3.1
    # A sampler without such a parameter can only draw from the global generator.
    has_own = "generator" in subject.definition("euler_ancestral").parameters
    samples = []
    for own, everywhere in ((5, 1), (5, 2 if has_own else 1), (6, 3)):
        made = generator(subject, own)
        seed = own if made is None else everywhere
        (answer,) = repeated(subject, "euler_ancestral", (*given, made), [seed])
        samples.append(as_array(answer))
    expect(
        np.array_equal(samples[0], samples[1]),
        "Two generators of one seed lead your euler_ancestral to two different samples. Where does "
        "its noise come from?",
    )
    expect(
        np.isfinite(samples[2]) & (samples[0] != samples[2]),
        "Generators of different seeds lead your euler_ancestral to the same numbers. What is "
        "random in it?",
    )


def _own_ups(subject: Subject, levels: Sequence[float]) -> list[float]:
    try:
        parts = own_split(subject)
        return [parts(*pair)[1] for pair in pairwise(levels)]
    except (SubjectError, ValueError):
        return [np.nan]
