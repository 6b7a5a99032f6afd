from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch.distributions import Normal, kl_divergence

from assignments.vdm.bound import KnownModel, bound, expected_log_ratio, three_terms
from assignments.vdm.definitions import (
    batches,
    betas_of,
    chain,
    lefts,
    log_density,
    noises,
    posterior,
    prior_kl,
    ratio,
    ratio_of_gaussian,
    schedules,
    weights,
    weights_of_betas,
)
from grader.auditing import audit_assignment
from grader.checks import CheckFailure
from grader.checks.declare import Check
from grader.checks.expected import Expected
from grader.checks.loading import require_complete
from grader.checks.verdict import Outcome
from grader.errors import SubjectError
from reference import ddpm, vdm
from reference.mistakes.vdm import MISTAKES, VARIANTS
from tests.assignments.judging import Judge

REFERENCE = {
    function: getattr(vdm, function) for function in {variant.function for variant in VARIANTS}
}
JUDGE = Judge("vdm", REFERENCE, MISTAKES, "vdm")
FOLDER, ASSIGNMENT, CHECKS = JUDGE.folder, JUDGE.assignment, JUDGE.checks
judged, checks_of = JUDGE.judged, JUDGE.checks_of


def code_of(mistake: str) -> Callable[..., Any]:
    return next(entry.code for entry in MISTAKES if entry.id == mistake)


def test_every_point_is_decided_by_somebody() -> None:
    require_complete(CHECKS, ASSIGNMENT.questions)
    assert sum(question.points for question in ASSIGNMENT.questions) == 20


def test_questions_ask_for_what_the_reference_takes() -> None:
    asked = {q.function.name: q.function.arguments for q in ASSIGNMENT.questions if q.function}
    assert asked.keys() == REFERENCE.keys()
    for name, arguments in asked.items():
        assert REFERENCE[name].__code__.co_varnames[: len(arguments)] == arguments


def test_the_audit_finds_nothing_and_names_every_mistake() -> None:
    report = audit_assignment(str(FOLDER)).report
    assert report.problems == ()
    assert [row.id for row in report.mistakes if row.id not in row.named_as] == []
    assert len(report.mistakes) == len(MISTAKES)
    assert all(variant.passed for variant in report.variants)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.name)
def test_the_reference_passes(check: Check) -> None:
    verdict = judged(check, {})
    assert verdict.verdict is Outcome.PASSED, verdict.message
    assert "follows_from_own_functions" not in verdict.evidence


@pytest.mark.slow
@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: variant.id)
def test_every_variant_passes_under_any_seed(variant: Any) -> None:
    for course in range(25):
        for check in checks_of(variant.function):
            verdict = judged(check, {variant.function: variant.code}, f"vdm {course}")
            assert verdict.verdict is Outcome.PASSED, verdict.message


def changed(function: str, by: Callable[[Any], Any]) -> Callable[..., Any]:
    def wrong(*args: Any) -> Any:
        answer = REFERENCE[function](*args)
        return tuple(map(by, answer)) if isinstance(answer, tuple) else by(answer)

    return wrong


@pytest.mark.parametrize("function", sorted(REFERENCE))
def test_one_part_in_a_thousand_is_noticed(function: str) -> None:
    wrong = changed(function, lambda part: part * 1.001)
    verdicts = [judged(check, {function: wrong}) for check in checks_of(function)]
    assert Outcome.FAILED in {verdict.verdict for verdict in verdicts}


@pytest.mark.parametrize("function", sorted(REFERENCE))
def test_nan_is_noticed_by_every_check(function: str) -> None:
    wrong = changed(function, lambda part: part * float("nan"))
    for check in checks_of(function):
        assert judged(check, {function: wrong}).verdict is Outcome.FAILED, check.name


@pytest.mark.parametrize("function", sorted(REFERENCE))
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_an_answer_in_either_precision_passes(function: str, dtype: torch.dtype) -> None:
    recast = changed(function, lambda part: part.to(dtype))
    for check in checks_of(function):
        verdict = judged(check, {function: recast})
        assert verdict.verdict is Outcome.PASSED, verdict.message


@pytest.mark.parametrize("function", sorted(REFERENCE))
@pytest.mark.parametrize("answer", [None, "text", 1.0, [], (1.0, 2.0, 3.0)], ids=repr)
def test_an_answer_of_another_kind_is_never_our_fault(function: str, answer: Any) -> None:
    for check in checks_of(function):
        verdict = judged(check, {function: lambda *_: answer})
        assert verdict.verdict in (Outcome.FAILED, Outcome.ERROR), (check.name, verdict.evidence)


def weights_from(ratio_of: Callable[..., Any]) -> Callable[..., Any]:
    def from_ratio(left: torch.Tensor) -> torch.Tensor:
        values = ratio_of(left)
        return (values[:-1] - values[1:]) / 2

    return from_ratio


def test_a_wrong_ratio_costs_its_points_once() -> None:
    wrong = code_of("snr/square-missing")
    by_ratio = weights_from(wrong)

    def of_image(x0: Any, t: Any, left: Any) -> Any:
        return wrong(left)[t - 1] * x0.flatten(1).square().mean(1)

    def consistency(x0: Any, guess: Any, t: Any, left: Any) -> Any:
        return by_ratio(left)[t - 2] * (x0 - guess).flatten(1).square().sum(1)

    own = {
        "x0_loss_weights_from_snr": by_ratio,
        "x0_loss_weights": lambda betas: by_ratio(torch.cumprod(1 - betas, 0)),
        "image_signal_to_noise": of_image,
        "consistency_term": consistency,
    }
    for function, code in own.items():
        for check in checks_of(function):
            verdict = judged(check, own | {"snr": wrong})
            assert verdict.verdict is Outcome.PASSED, check.name
        alone = {judged(check, {function: code}).verdict for check in checks_of(function)}
        assert Outcome.FAILED in alone, function
    assert Outcome.FAILED in {judged(check, {"snr": wrong}).verdict for check in checks_of("snr")}


@pytest.mark.parametrize("mistake", ["decoder/dimension-forgotten", "consistency/half-missing"])
def test_a_wrong_term_costs_its_points_once(mistake: str) -> None:
    wrong = next(entry for entry in MISTAKES if entry.id == mistake)
    terms = {name: REFERENCE[name] for name in ("reconstruction_term", "consistency_term")}
    terms[wrong.function] = wrong.code

    def three(model: Any, x0: Any, noise: Any, left: Any, variance: float) -> Any:
        total = 0
        for t in range(len(left), 0, -1):
            when = torch.full((len(x0),), t)
            guess = model(left[t - 1].sqrt() * x0 + (1 - left[t - 1]).sqrt() * noise[t - 1], when)
            if t > 1:
                total = total + terms["consistency_term"](x0, guess, when, left)
        density = terms["reconstruction_term"](x0, guess, variance)
        return density, ddpm.prior_kl(x0, left), total

    for check in checks_of("bound_terms"):
        assert judged(check, {"bound_terms": three, **terms}).verdict is Outcome.PASSED, check.name
        assert judged(check, {"bound_terms": three}).verdict is Outcome.FAILED, check.name


@pytest.mark.parametrize("form", ["list", "stack", "names"])
def test_three_terms_may_come_in_any_container(form: str) -> None:
    def contained(*args: Any) -> Any:
        terms = vdm.bound_terms(*args)
        return {"list": list(terms), "stack": torch.stack(terms), "names": terms._asdict()}[form]

    for check in checks_of("bound_terms"):
        assert judged(check, {"bound_terms": contained}).verdict is Outcome.PASSED, check.name


@pytest.mark.parametrize("told", ["number", "scalar", "one", "column"])
def test_a_loop_over_t_may_tell_the_model_one_t(told: str) -> None:
    def looped(model: Any, x0: Any, noise: Any, left: Any, variance: float) -> Any:
        def tell(x_t: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
            step = int(t[0])
            forms = {"number": step, "scalar": t[0], "one": t[:1], "column": t[:, None]}
            return torch.as_tensor(model(x_t, forms[told]))

        rows = []
        for index in range(len(left)):
            x_t = left[index].sqrt() * x0 + (1 - left[index]).sqrt() * noise[index]
            rows.append(tell(x_t, torch.full((len(x0),), index + 1)))
        known = iter([torch.cat(rows)])
        return vdm.bound_terms(lambda *_: next(known), x0, noise, left, variance)

    for check in checks_of("bound_terms"):
        verdict = judged(check, {"bound_terms": looped})
        assert verdict.verdict is Outcome.PASSED, verdict.message


def test_two_terms_are_no_bound() -> None:
    with pytest.raises(CheckFailure, match="three tensors"):
        three_terms((np.ones(2), np.ones(2)))
    with pytest.raises(SubjectError, match="not there"):
        three_terms(SubjectError("not there"))


def test_the_known_model_refuses_another_t() -> None:
    with pytest.raises(ValueError, match=r"t has shape \(3,\)"):
        KnownModel()(np.zeros((2, 3)), np.ones(3))


def test_a_message_shows_the_counterexample_and_names_the_mistake() -> None:
    (check,) = (check for check in CHECKS if check.name == "ratio_is_that_of_the_chain")
    verdict = judged(check, {"snr": code_of("snr/square-missing")})
    assert verdict.mistakes == ("snr/square-missing",)
    assert "alphas_cumprod = [0.75, 0.375]" in verdict.message
    assert "compares amplitudes" in verdict.message


@pytest.mark.parametrize("betas", schedules(), ids=len)
def test_the_composed_chain_keeps_unit_variance(betas: Any) -> None:
    signal, variance = chain(betas)
    assert signal**2 + variance == pytest.approx(np.ones(len(betas)))
    assert betas_of(signal**2) == pytest.approx(betas)


def test_signal_left_is_the_same_number_in_every_precision() -> None:
    for betas, left in zip(schedules(), lefts(), strict=True):
        assert np.array_equal(left, np.cumprod(1 - betas.astype(np.float64)))


def test_posterior_is_that_of_the_reference() -> None:
    for betas in schedules():
        of_x0, _ = ddpm.posterior_coefficients(torch.from_numpy(betas))
        weight, variance = posterior(betas)
        assert weight == pytest.approx(of_x0[1:].numpy())
        right = ddpm.posterior_variance(torch.from_numpy(betas))
        assert variance == pytest.approx(right[1:].numpy())


def test_definitions_are_the_formulas() -> None:
    for betas, left in zip(schedules(), lefts(), strict=True):
        wide = torch.from_numpy(left).double()
        assert ratio(left).value == pytest.approx(vdm.snr(wide).numpy())
        right = vdm.x0_loss_weights_from_snr(wide).numpy()
        assert weights(left).value == pytest.approx(right)
        assert weights_of_betas(betas).value == pytest.approx(right)


def test_ratio_of_a_gaussian_by_points_is_that_of_the_trace() -> None:
    mean, cov = np.asarray([1.0, -2.0]), np.asarray([[2.0, 0.5], [0.5, 1.0]])
    assert ratio_of_gaussian(mean, cov).value == pytest.approx(5 / 3)


def test_log_density_and_prior_are_torchs() -> None:
    x0, guess, left = torch.tensor([[1.0, -2.0]]).double(), torch.tensor([[0.5, 0.25]]), 0.25
    expected = Normal(guess.double(), 0.5).log_prob(x0).sum()
    found = log_density(x0.numpy(), Expected(guess.numpy()), 0.25)
    assert found.value == pytest.approx([expected.item()])
    unit = Normal(torch.zeros(2).double(), 1.0)
    divergence = kl_divergence(Normal(left**0.5 * x0, (1 - left) ** 0.5), unit).sum()
    assert prior_kl(x0.numpy(), np.asarray([0.5, left])).value == pytest.approx([divergence.item()])


def test_three_terms_by_definition_are_the_references() -> None:
    for batch in batches():
        x0 = batch.x0.astype(np.float64)
        noise = noises((len(batch.betas), *x0.shape)).astype(np.float64)
        found = bound(KnownModel(), x0, noise, batch.left, 0.5)
        wide = (torch.from_numpy(part).double() for part in (x0, noise, batch.left))

        def model(x_t: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
            return torch.from_numpy(KnownModel()(x_t.numpy(), t.numpy()))

        for ours, theirs in zip(found, vdm.bound_terms(model, *wide, 0.5), strict=True):
            assert ours.value == pytest.approx(theirs.numpy())


def test_terms_add_up_to_the_bound_of_the_joint_law() -> None:
    left, x0 = lefts()[-1], np.asarray([[0.6]])
    model, noise = KnownModel(0.8, 0.0, 0.1), np.ones((len(left), 1, 1))
    both = [bound(model, x0, sign * noise, left, 0.3) for sign in (1, -1)]
    sums = [first.value - prior.value - later.value for first, prior, later in both]
    expected = expected_log_ratio(0.6, left, (0.8, 0.1), 0.3)
    assert np.mean(sums) == pytest.approx(expected)


def test_tolerance_in_float32_stays_below_a_thousandth() -> None:
    for left in lefts():
        tolerance = weights(left).tolerance(np.dtype(np.float32))
        assert np.all(tolerance <= 1e-3 * weights(left).value)
