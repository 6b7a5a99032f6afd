from __future__ import annotations

import inspect
import re
from typing import Any

import numpy as np
import pytest
import torch

from assignments.ddpm.own_answers import two_parts
from grader.auditing import audit_assignment
from grader.checks import CheckFailure
from grader.checks.declare import Check
from grader.checks.loading import require_complete
from grader.checks.runner import run_check
from grader.checks.verdict import Outcome
from grader.kernel.local import LocalSubject
from reference import ddpm, ddpm_reverse
from reference.mistakes.ddpm import MISTAKES, VARIANTS
from tests.assignments.judging import Judge

# What draws its own noise has no counterpart in the reference.
DRAWING = {"training_loss", "sample"}
REFERENCE = {
    function: getattr(ddpm, function, None) or getattr(ddpm_reverse, function)
    for function in {variant.function for variant in VARIANTS} - DRAWING
} | {v.function: v.code for v in reversed(VARIANTS) if v.function in DRAWING}
JUDGE = Judge("ddpm", REFERENCE, MISTAKES, "ddpm")
FOLDER, ASSIGNMENT, CHECKS, QUESTIONS = (
    JUDGE.folder,
    JUDGE.assignment,
    JUDGE.checks,
    JUDGE.questions,
)
judged, checks_of = JUDGE.judged, JUDGE.checks_of


def test_every_point_is_decided_by_somebody() -> None:
    require_complete(CHECKS, ASSIGNMENT.questions)
    assert sum(question.points for question in ASSIGNMENT.questions) == 25


def test_questions_ask_for_what_the_reference_takes() -> None:
    asked = {q.function.name: q.function.arguments for q in ASSIGNMENT.questions if q.function}
    assert asked.keys() == REFERENCE.keys()
    for name, arguments in asked.items():
        code = REFERENCE[name].__code__
        assert code.co_varnames[: len(arguments)] == arguments


def test_the_audit_finds_nothing_and_names_what_has_a_pattern() -> None:
    report = audit_assignment(str(FOLDER)).report
    assert report.problems == ()
    unnamed = [row for row in report.mistakes if row.id not in row.named_as]
    # A detached loss has the right numbers: what it lacks is a gradient. Some draws have no sign.
    assert {row.id for row in unnamed} <= {
        "loss/prediction-detached",
        "draws/uniform",
        "draws/told-another-t",
    }
    assert len(report.mistakes) == len(MISTAKES)
    assert all(variant.passed for variant in report.variants)


# What a run leaves behind, figures and a trained model, is in the tests of the notebook.
OF_FUNCTIONS = [check for check in CHECKS if QUESTIONS[check.question].function]


@pytest.mark.parametrize("check", OF_FUNCTIONS, ids=lambda check: check.name)
def test_the_reference_passes(check: Check) -> None:
    verdict = judged(check, {})
    assert verdict.verdict is Outcome.PASSED, verdict.message


@pytest.mark.slow
@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: variant.id)
def test_every_variant_passes_under_any_seed(variant: Any) -> None:
    for course in range(25):
        for check in checks_of(variant.function):
            verdict = judged(check, {variant.function: variant.code}, f"ddpm {course}")
            assert verdict.verdict is Outcome.PASSED, verdict.message


@pytest.mark.parametrize("function", sorted(REFERENCE))
def test_one_part_in_a_thousand_is_noticed(function: str) -> None:
    def off(*args: Any) -> Any:
        answer = REFERENCE[function](*args)
        if isinstance(answer, tuple):
            return answer[0], answer[1] * 1.001
        return answer * 1.001

    verdicts = [judged(check, {function: off}) for check in checks_of(function)]
    assert Outcome.FAILED in {verdict.verdict for verdict in verdicts}


@pytest.mark.parametrize("function", sorted(REFERENCE))
def test_nan_is_noticed_by_every_check(function: str) -> None:
    def nowhere(*args: Any) -> Any:
        answer = REFERENCE[function](*args)
        parts = answer if isinstance(answer, tuple) else (answer,)
        gone = tuple(part * float("nan") for part in parts)
        return gone if isinstance(answer, tuple) else gone[0]

    inside = {  # these decide by what the model was given
        "model_sees_noised_data_and_its_time",
        "training_draws_every_timestep",
        "training_draws_fresh_noise",
        "sampling_draws_at_every_step",
    }
    for check in checks_of(function):
        if check.name not in inside:
            assert judged(check, {function: nowhere}).verdict is Outcome.FAILED, check.name


def test_a_wrong_sample_costs_its_points_once() -> None:
    (wrong,) = (mistake for mistake in MISTAKES if mistake.id == "q-sample/alpha-for-alpha-bar")

    def loss(model: Any, x0: Any, t: Any, noise: Any, left: Any) -> Any:
        return (noise - model(wrong.code(x0, t, noise, left), t)).square().mean()

    replaced = {"q_sample": wrong.code, "diffusion_loss": loss}
    for check in checks_of("diffusion_loss"):
        assert judged(check, replaced).verdict is Outcome.PASSED, check.name
        assert judged(check, {"diffusion_loss": loss}).verdict is Outcome.FAILED, check.name
    noising = {judged(check, replaced).verdict for check in checks_of("q_sample")}
    assert Outcome.FAILED in noising


def test_wrong_moments_cost_their_points_once() -> None:
    (wrong,) = (mistake for mistake in MISTAKES if mistake.id == "moments/index-late")

    def sample(x0: Any, t: Any, noise: Any, left: Any) -> Any:
        mean, variance = wrong.code(x0, t, left)
        return mean + variance.sqrt() * noise

    replaced = {"q_mean_variance": wrong.code, "q_sample": sample}
    for check in checks_of("q_sample"):
        assert judged(check, replaced).verdict is Outcome.PASSED, check.name
    moments = {judged(check, replaced).verdict for check in checks_of("q_mean_variance")}
    assert Outcome.FAILED in moments


def students(source: str = "") -> LocalSubject:
    """The reference's functions as a notebook has them: in one namespace, each by its name."""
    parts = [inspect.getsource(ddpm), inspect.getsource(ddpm_reverse)]
    imports = r"^from __future__.*$|^from reference.*$"
    whole = "\n".join([*(re.sub(imports, "", part, flags=re.M) for part in parts), DRAWN, source])
    namespace: dict[str, Any] = {"__name__": "students"}
    exec(compile("from __future__ import annotations\n" + whole, "students.py", "exec"), namespace)
    return LocalSubject(namespace)


DRAWN = """
def training_loss(model, x0, alphas_cumprod):
    t = torch.randint(1, len(alphas_cumprod) + 1, (len(x0),))
    return diffusion_loss(model, x0, t, torch.randn_like(x0), alphas_cumprod)

def sample(model, shape, betas, variances):
    x = torch.randn(shape)
    for step in range(len(betas), 0, -1):
        t = torch.full(shape[:1], step)
        x = p_sample(model, x, t, torch.randn(shape), betas, variances)
    return x
"""
BUILDING_ON_OTHERS = """
def posterior_variance(betas):
    left = alphas_cumprod(betas)
    before = torch.cat([torch.ones(1), left[:-1]])
    return betas * (1 - before) / (1 - left)

def posterior(x0, x_t, t, betas):
    left = alphas_cumprod(betas)
    before = torch.cat([torch.ones(1), left[:-1]])
    pick = lambda values: values[t - 1].reshape(-1, *[1] * (x0.ndim - 1))
    of_x0 = pick(before.sqrt() * betas / (1 - left))
    of_x_t = pick((1 - betas).sqrt() * (1 - before) / (1 - left))
    return of_x0 * x0 + of_x_t * x_t, pick(posterior_variance(betas))

def mean_from_noise(x_t, noise, t, betas):
    pick = lambda values: values[t - 1].reshape(-1, *[1] * (x_t.ndim - 1))
    left = pick(alphas_cumprod(betas))
    return (x_t - pick(betas) / (1 - left).sqrt() * noise) / (1 - pick(betas)).sqrt()

@torch.no_grad()
def p_sample(model, x_t, t, noise, betas, variances):
    std = (variances.sqrt() * (torch.arange(len(betas)) > 0))[t - 1]
    mean = mean_from_noise(x_t, model(x_t, t), t, betas)
    return mean + std.reshape(-1, *[1] * (x_t.ndim - 1)) * noise
"""


BUILT = {"alpha-bar", "posterior-variance", "posterior", "mean", "reverse", "sampling"}


def lost_with(source: str) -> set[str]:
    """Questions that lose points when a notebook defines this."""
    subject, lost = students(source), set()
    for check in OF_FUNCTIONS:
        if check.question not in BUILT:
            continue
        verdict = run_check(check, subject, JUDGE.context_of(check))
        if verdict.verdict is not Outcome.PASSED:
            lost.add(check.question)
    return lost


@pytest.mark.parametrize(
    ("question", "source"),
    [
        ("none", ""),
        ("alpha-bar", "def alphas_cumprod(betas): return 1 - betas.cumsum(0)"),
        ("posterior-variance", "def posterior_variance(betas): return betas"),
        ("mean", "def mean_from_noise(x_t, noise, t, betas): return x_t - noise"),
        (
            "reverse",
            "def p_sample(model, x_t, t, noise, betas, variances):\n"
            "    v = (variances * (torch.arange(len(betas)) > 1))[t - 1].sqrt()\n"
            "    v = v.reshape(-1, *[1] * (x_t.ndim - 1))\n"
            "    return mean_from_noise(x_t, model(x_t, t), t, betas) + v * noise",
        ),
    ],
)
def test_what_builds_on_a_wrong_function_keeps_its_points(question: str, source: str) -> None:
    assert lost_with(BUILDING_ON_OTHERS + source) == {question} - {"none"}


def test_a_forward_pass_without_gradient_for_x_t_is_no_mistake() -> None:
    def loss(model: Any, x0: Any, t: Any, noise: Any, left: Any) -> Any:
        with torch.no_grad():
            x_t = ddpm.q_sample(x0, t, noise, left)
        return (noise - model(x_t, t)).square().mean()

    for check in checks_of("diffusion_loss"):
        assert judged(check, {"diffusion_loss": loss}).verdict is Outcome.PASSED, check.name


@pytest.mark.parametrize("shape", ["one for each example", "one for each entry"])
@pytest.mark.parametrize("function", ["q_mean_variance", "posterior"])
def test_a_variance_may_have_any_shape_that_holds_it(function: str, shape: str) -> None:
    def reshaped(x0: torch.Tensor, *rest: Any) -> Any:
        mean, variance = REFERENCE[function](x0, *rest)
        return mean, variance.flatten() if shape == "one for each example" else variance + 0 * mean

    for check in checks_of(function):
        assert judged(check, {function: reshaped}).verdict is Outcome.PASSED


def test_a_schedule_in_double_precision_passes() -> None:
    def widened(timesteps: int) -> torch.Tensor:
        return torch.linspace(1e-4, 0.02, timesteps).double()

    for check in checks_of("linear_beta_schedule"):
        assert judged(check, {"linear_beta_schedule": widened}).verdict is Outcome.PASSED


def test_a_mean_alone_is_no_pair() -> None:
    with pytest.raises(CheckFailure, match="two tensors"):
        two_parts([np.ones((2, 3))], [np.ones((2, 3))], "posterior")


def test_a_variance_for_another_batch_is_refused() -> None:
    with pytest.raises(CheckFailure, match=r"shape \(1, 1\)"):
        two_parts([(np.ones((2, 3)), np.ones((1, 1)))], [np.ones((2, 3))], "posterior")
