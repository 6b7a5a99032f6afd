"""Answers in styles that the catalogue lacks, right ones and wrong ones close to them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from grader.assignment import load
from grader.authored import assignment_checks
from grader.checks.adapted import Adapted
from grader.checks.context import Context
from grader.checks.runner import run_check
from grader.checks.seeds import Seeds
from grader.checks.verdict import Outcome
from grader.kernel.local import LocalSubject
from tests.assignments import vae_dialect_verdicts as dialects

BASE = load(Path(__file__).parents[2] / "assignments" / "vae")


def lost(question: str, source: str) -> list[str]:
    """Names of the question's checks that a module fails."""
    namespace: dict[str, Any] = {"math": math, "np": np, "torch": torch, "F": F, "LATENT_SIZE": 20}
    exec(compile(source, "module", "exec"), namespace)
    asked = {each.id: each for each in BASE.questions}[question]
    subject = Adapted(LocalSubject(namespace), BASE.questions)
    found = []
    for check in assignment_checks(BASE):
        if check.question == question:
            context = Context(question=asked, seed=Seeds(assignment="vae").of(check.name))
            if run_check(check, subject, context).verdict is not Outcome.PASSED:
                found.append(check.name)
    return found


EXAMPLES = "def gaussian_examples():\n    return "
OF_LOG_VAR = "0.5 * (mean**2 + log_var.exp() - 1 - log_var).sum(-1)\n"
LOSS = f"""
def KLD(mean, log_var):
    return {OF_LOG_VAR}
def elbo_loss(logits, x, mean, log_var):
    x = x.reshape(len(logits), *logits.shape[2:])
    return F.cross_entropy(logits, x, reduction="sum") / len(x) + KLD(mean, log_var).mean()
"""
BPD = "def elbo_to_bpd(elbo, img_shape):\n    "
RIGHT: Mapping[str, tuple[str, str]] = {
    "pairs as tensors": (
        "gaussian-examples",
        EXAMPLES + "torch.tensor([0.0, 1, 0, 1.05]), torch.tensor([0.0, 1, 0, 0.01])",
    ),
    "pairs as rows of an array": (
        "gaussian-examples",
        EXAMPLES + "np.array([[0, 1, 0.1, 1], [0, 1, 7, 0.5]])",
    ),
    "pairs of tensors in lists": (
        "gaussian-examples",
        EXAMPLES + "[[*torch.tensor([0.0, 1, 0.1, 1])], [torch.zeros(1), 1, 9, torch.ones(1)]]",
    ),
    "KL of a log variance, and called one": (
        "kl",
        f"def KLD(mean, log_var):\n    return {OF_LOG_VAR}",
    ),
    "sample by a log variance, and called one": (
        "reparameterization",
        "def sample_reparameterize(mean, log_var):\n"
        "    return mean + torch.exp(0.5 * log_var) * torch.randn_like(mean)",
    ),
    "sample by a log standard deviation, and called one": (
        "reparameterization",
        "def sample_reparameterize(mean, log_std):\n"
        "    return mean + log_std.exp() * torch.randn(*mean.shape)",
    ),
    "loss by a log variance throughout": ("elbo", LOSS),
    "numel of a shape": ("bpd", BPD + "return elbo / math.log(2) / img_shape[1:].numel()"),
    "unpacked shape": (
        "bpd",
        BPD + "_, *dims = img_shape\n    return elbo * np.log2(np.exp(1)) / np.prod(dims)",
    ),
    "shape as a tensor": (
        "bpd",
        BPD + "return elbo * math.log2(math.e) / torch.tensor(img_shape[1:]).prod()",
    ),
}
WRONG: Mapping[str, tuple[str, str]] = {
    "one pair only": ("gaussian-examples", EXAMPLES + "torch.tensor([0.0, 1, 0, 1.05])"),
    "one pair of equals": ("gaussian-examples", EXAMPLES + "[[0, 1, 0, 1], [0, 1, 9, 1]]"),
    "KL called one of a log variance, which is none": (
        "kl",
        "def KLD(mean, log_var):\n"
        "    return 0.5 * (mean**2 + (2 * log_var).exp() - 1 - 2 * log_var).sum(-1)",
    ),
    "sample by a log variance that is not halved": (
        "reparameterization",
        "def sample_reparameterize(mean, log_var):\n"
        "    return mean + log_var.exp() * torch.randn_like(mean)",
    ),
    "height for width": (
        "bpd",
        BPD + "return elbo / math.log(2) / (img_shape[1] * img_shape[2] ** 2)",
    ),
}


@pytest.mark.parametrize(("question", "source"), RIGHT.values(), ids=RIGHT)
def test_a_right_answer_in_another_style_loses_nothing(question: str, source: str) -> None:
    assert lost(question, source) == []


@pytest.mark.parametrize(("question", "source"), WRONG.values(), ids=WRONG)
def test_a_wrong_answer_close_to_them_is_caught(question: str, source: str) -> None:
    assert lost(question, source) != []


def test_a_row_far_from_its_own_mean_is_asked_for() -> None:
    shifted = "return torch.log(torch.exp(y - shift).mean(1)) + shift[:, 0]"
    for shift, expected in (("y.mean", ["log_mean_exp_stays_finite"]), ("y.amax", [])):
        source = f"def log_mean_exp(y):\n    shift = {shift}(1, keepdim=True)\n    {shifted}"
        found = dialects.namespace("import torch\n" + source)
        assert list(dialects.lost("ift6135", found, "log-mean-exp")) == expected
