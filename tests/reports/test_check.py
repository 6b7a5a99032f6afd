from __future__ import annotations

from dataclasses import replace

from grader.checks.verdict import Counterexample, Outcome, Shown, Verdict
from reports import check
from tests.reports.sample_verdicts import MISSING_HALF

PASSED = Verdict("kl", "kl_log_ratio", Outcome.PASSED, 2, 2, title="KL is summed.")


def facts(view: check.CheckView) -> dict[str, str]:
    return {fact.name: fact.text for fact in view.evidence}


def test_a_pass_says_how_much_it_means() -> None:
    exact = check.view(PASSED, {})
    bounded = check.view(replace(PASSED, detectable="0.7 % of std"), {})
    assert exact.meaning == "None of the listed mistakes, and no deviation on the inputs tried."
    assert bounded.meaning == "None of the listed mistakes, and no deviation above 0.7 % of std."
    assert facts(bounded)["Detectable discrepancy"] == "0.7 % of std"


def test_a_failure_does_not_say_what_a_pass_means() -> None:
    assert check.view(replace(PASSED, verdict=Outcome.FAILED), {}).meaning == ""


def test_the_bound_on_false_failures_is_said() -> None:
    assert facts(check.view(PASSED, {}))["A right answer fails"].startswith("never")
    statistical = facts(check.view(replace(PASSED, false_fail=1e-9), {}))
    assert statistical["A right answer fails"] == "with probability below 10⁻⁹"


def test_an_undecided_check_claims_no_bound() -> None:
    for outcome in (Outcome.ERROR, Outcome.TIMEOUT, Outcome.MISSING, Outcome.INFRASTRUCTURE):
        assert "A right answer fails" not in facts(check.view(replace(PASSED, verdict=outcome), {}))


def test_evidence_is_listed_in_words() -> None:
    view = check.view(replace(PASSED, evidence={"inputs_tried": 256}, replay="v1.x"), {})
    assert facts(view)["Inputs tried"] == "256"
    assert facts(view)["Seed and replay token"] == "v1.x"


def test_mistakes_bring_their_sentences() -> None:
    verdict = replace(PASSED, verdict=Outcome.FAILED, mistakes=("kl/missing-half", "kl/unknown"))
    view = check.view(verdict, {"kl/missing-half": "Look at the constant."})
    assert view.named == (
        check.Named("kl/missing-half", "Look at the constant."),
        check.Named("kl/unknown", ""),
    )


def test_a_counterexample_lists_what_went_in_and_what_came_out() -> None:
    example = check.view(replace(PASSED, counterexample=MISSING_HALF), {}).example
    assert example is not None
    assert example.arguments == ("mean", "log_std")
    assert [(v.role, v.name, v.text, v.shape, v.dtype) for v in example.values] == [
        ("given", "mean", "[2.0]", "(1,)", "float32"),
        ("given", "log_std", "[0.0]", "(1,)", "float32"),
        ("returned", "", "4.0", "scalar", "float32"),
        ("expected", "", "2.0", "scalar", "float32"),
    ]


def test_a_hidden_expectation_stays_hidden() -> None:
    hidden = Counterexample("KLD", {}, returned=Shown("4.0"))
    example = check.view(replace(PASSED, counterexample=hidden), {}).example
    assert example is not None
    assert [value.role for value in example.values] == ["returned"]


def test_a_check_without_title_is_called_by_its_name() -> None:
    assert check.view(replace(PASSED, title=""), {}).title == "kl log ratio"
