"""Other courses' sheets over the attention assignment, on solutions in their style."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from grader.assignment import load
from grader.auditing import audit_assignment
from grader.authored import assignment_checks
from grader.checks.context import Context
from grader.checks.runner import run_check
from grader.checks.seeds import Seeds
from grader.checks.verdict import Outcome, Verdict
from grader.dialect import in_dialect
from grader.kernel.local import LocalSubject
from tests.assignments.ift6135_attention import SOURCE as IFT6135
from tests.assignments.uva_transformer import SOURCE as UVA

FOLDER = Path(__file__).parents[2] / "assignments" / "attention"


def judged(dialect: str, source: str, *edits: tuple[str, str]) -> dict[str, Verdict]:
    """Verdicts on a module, with some of its lines replaced."""
    for old, new in edits:
        assert source.count(old) >= 1, old
        source = source.replace(old, new)
    namespace: dict[str, Any] = {"__name__": "student"}
    exec(compile(source, "module", "exec"), namespace)
    assignment = in_dialect(load(FOLDER), dialect)
    questions = {question.id: question for question in assignment.questions}
    return {
        check.name: run_check(
            check,
            LocalSubject(namespace),
            Context(question=questions[check.question], seed=Seeds("").of(check.name)),
        )
        for check in assignment_checks(assignment)
    }


def failed(verdicts: dict[str, Verdict]) -> set[str]:
    assert not any(v.verdict is Outcome.INFRASTRUCTURE for v in verdicts.values())
    return {name for name, v in verdicts.items() if v.verdict is not Outcome.PASSED}


@pytest.mark.slow
@pytest.mark.parametrize("dialect", ["uva", "ift6135"])
def test_the_audit_of_a_dialect_finds_nothing(dialect: str) -> None:
    report = audit_assignment(str(FOLDER), dialect).report
    assert report.problems == ()
    assert all(variant.passed for variant in report.variants)


RIGHT_UVA: dict[str, tuple[tuple[str, str], ...]] = {
    "as published": (),
    "config kept by its name only": (
        ("import torch\n", ""),
        ("torch.nn as nn", "torch, torch.nn as nn"),
    ),
    "large negative number": (('float("-inf")', "-1e9"),),
    "buffer of frequencies": (
        ("self.inv_freq = 1.0", 'self.register_buffer("inv_freq", 1.0'),
        ("float() / dim))", "float() / dim)))"),
    ),
    "keys, queries, values": (("q, k, v = self.c_attn", "k, q, v = self.c_attn"),),
    "two residuals in one": (
        (
            "x = x + self.mlpf(self.layer_norm_2(x))\n        return x",
            "return x + self.mlpf(self.layer_norm_2(x))",
        ),
    ),
    "no bias": (("3 * config.n_embd)", "3 * config.n_embd, bias=False)"),),
    "flash always": (("if self.use_flash_attn:", "if True:"),),
    "epsilon outside": (("keepdim=True) + self.eps)", "keepdim=True)) + self.eps"),),
    "positions from one": (("torch.arange(T, device", "torch.arange(1, T + 1, device"),),
    "pairs as complex numbers": (
        (
            "xq_rot = xq * pos_cos + rotate_half(xq) * pos_sin",
            "unit = torch.polar(torch.ones_like(freqs), freqs)\n"
            "        pairs = lambda x: torch.view_as_complex(x.reshape(*x.shape[:-1], -1, 2))\n"
            "        turn = lambda x: torch.view_as_real(pairs(x) * unit).flatten(-2)\n"
            "        return turn(xq), turn(xk)",
        ),
        ("xk_rot = xk * pos_cos + rotate_half(xk) * pos_sin", "pass"),
    ),
    "debug pair": (
        (
            "return self.resid_dropout(self.c_proj(y))",
            "return self.resid_dropout(self.c_proj(y)), None",
        ),
        (
            "self.self_attention(self.layer_norm_1(x))",
            "self.self_attention(self.layer_norm_1(x))[0]",
        ),
    ),
}


@pytest.mark.parametrize("style", RIGHT_UVA)
def test_a_right_transformer_passes_in_every_style(style: str) -> None:
    verdicts = judged("uva", UVA, *RIGHT_UVA[style])
    assert not failed(verdicts), {n: verdicts[n].message for n in failed(verdicts)}


WRONG_UVA: dict[str, tuple[tuple[str, str], set[str]]] = {
    "no scale": (
        (" / math.sqrt(k.size(-1))", ""),
        {"attention_is_that_of_its_own_weights"},
    ),
    "no mask": (
        ('att = att.masked_fill(self.mask[:, :, :T, :T] == 0, float("-inf"))', "pass"),
        {"attention_is_that_of_its_own_weights", "attention_sees_no_future"},
    ),
    "zeros and ones added": (
        (
            'att.masked_fill(self.mask[:, :, :T, :T] == 0, float("-inf"))',
            "att + self.mask[:, :, :T, :T]",
        ),
        {"attention_is_that_of_its_own_weights", "attention_sees_no_future"},
    ),
    "heads mixed": (
        (
            "q = q.view(B, T, self.n_head, C // self.n_head).transpose(1, 2)",
            "q = q.reshape(B, self.n_head, T, C // self.n_head)",
        ),
        {
            "attention_is_that_of_its_own_weights",
            "attention_sees_no_future",
        },
    ),
    "flash sees all": (
        ("is_causal=True", "is_causal=False"),
        {"attention_sees_no_future", "fast_attention_is_right_as_well"},
    ),
    "keys turned back": (
        ("xk * pos_cos + rotate_half(xk)", "xk * pos_cos - rotate_half(xk)"),
        {"rotary_scores_depend_on_the_distance"},
    ),
    "halves repeated for neighbours": (
        ("torch.cat((freqs, freqs), dim=-1)", "freqs.repeat_interleave(2, dim=-1)"),
        {"rotary_keeps_lengths", "rotary_scores_depend_on_the_distance"},
    ),
    "positions of heads": (
        ("torch.arange(T, device=xq.device)", "torch.full((T,), T)"),
        {
            "rotary_turns_pairs_at_their_own_pace",
            "rotary_turns_the_first_position_by_its_number",
        },
    ),
    "sine and cosine exchanged": (
        ("pos_emb.sin(), pos_emb.cos()", "pos_emb.cos(), pos_emb.sin()"),
        {"rotary_turns_the_first_position_by_its_number"},
    ),
    "no activation": (
        ('                    ("act", BERTGELU()),\n', ""),
        {"feed_forward_bends"},
    ),
    "post-norm": (
        (
            "x = x + self.self_attention(self.layer_norm_1(x))",
            "x = self.layer_norm_1(x + self.self_attention(x))",
        ),
        {"block_adds_two_normed_sublayers", "stream_runs_through"},
    ),
    "second residual from the norm": (
        (
            "x = x + self.mlpf(self.layer_norm_2(x))",
            "x = self.layer_norm_2(x)\n        x = x + self.mlpf(x)",
        ),
        {"block_adds_two_normed_sublayers", "stream_runs_through"},
    ),
    "sum for mean": (
        ("torch.mean(x**2", "torch.sum(x**2"),
        {"norm_divides_by_the_root_mean_square"},
    ),
    "gain left out": (
        ("return self.weight * x / norm", "return x / norm"),
        {"norm_has_a_gain_for_each_feature"},
    ),
    "norm over the sequence": (
        ("torch.mean(x**2, dim=-1", "torch.mean(x**2, dim=1"),
        {"norm_divides_by_the_root_mean_square"},
    ),
}


@pytest.mark.parametrize("mistake", WRONG_UVA)
def test_a_mistake_in_a_transformer_fails_the_checks_of_its_own_part(mistake: str) -> None:
    edit, names = WRONG_UVA[mistake]
    assert failed(judged("uva", UVA, edit)) == names


@pytest.mark.parametrize(
    ("mistake", "hint"),
    [
        ("no scale", "Try a large head"),
        ("no mask", "Change the last token"),
    ],
)
def test_a_known_mistake_in_attention_is_hinted_at(mistake: str, hint: str) -> None:
    edit, _ = WRONG_UVA[mistake]
    verdicts = judged("uva", UVA, edit)
    assert hint in verdicts["attention_is_that_of_its_own_weights"].message


def test_rotary_left_out_is_hinted_at() -> None:
    verdicts = judged("uva", UVA, ("if not self.config.abs_emb:", "if False:"))
    assert failed(verdicts) == {"attention_is_that_of_its_own_weights"}
    message = verdicts["attention_is_that_of_its_own_weights"].message
    assert "Exchange two earlier tokens" in message


def test_a_file_that_can_hold_no_config_says_what_to_import() -> None:
    source = "class CausalSelfAttention:\n    pass\n"
    message = judged("uva", source)["attention_sees_no_future"].message
    assert "import torch" in message


RIGHT_IFT6135: dict[str, tuple[tuple[str, str], ...]] = {
    "causal": (),
    "not causal": (("        scores = scores.masked_fill(self.mask == 0, -1e4)\n", ""),),
    "without bias": (("bias=True", "bias=False"),),
    "padding mask": (
        (
            "def get_attention_weights(self, queries, keys)",
            "def get_attention_weights(self, queries, keys, mask=None)",
        ),
        ("def forward(self, hidden_states)", "def forward(self, hidden_states, mask=None)"),
    ),
    "one projection": (
        ("self.W_Q = nn.Linear(d, d, bias=True)", "self.W = nn.Linear(d, 3 * d)"),
        (
            "self.W_K = nn.Linear(d, d, bias=True)\n        self.W_V = nn.Linear(d, d, bias=True)",
            "pass",
        ),
        (
            "q = self.split_heads(self.W_Q(hidden_states))",
            "q, k, v = map(self.split_heads, self.W(hidden_states).chunk(3, -1))",
        ),
        ("        k = self.split_heads(self.W_K(hidden_states))\n", ""),
        ("        v = self.split_heads(self.W_V(hidden_states))\n", ""),
    ),
}


@pytest.mark.parametrize("style", RIGHT_IFT6135)
def test_right_heads_pass_in_every_style(style: str) -> None:
    verdicts = judged("ift6135", IFT6135, *RIGHT_IFT6135[style])
    assert not failed(verdicts), {n: verdicts[n].message for n in failed(verdicts)}


@pytest.mark.parametrize(
    ("old", "new", "names"),
    [
        (" / math.sqrt(self.head_size)", "", {"class_weights_are_shares"}),
        ("self.mask == 0", "self.mask == 1", {"class_weights_are_shares"}),
        ("F.softmax(scores, dim=-1)", "F.softmax(scores, dim=1)", {"class_weights_are_shares"}),
        (
            "tensor.view(B, T, self.num_heads, D // self.num_heads).permute(0, 2, 1, 3)",
            "tensor.reshape(B, self.num_heads, T, D // self.num_heads)",
            {"class_shares_features"},
        ),
        (
            "tensor.permute(0, 2, 1, 3).contiguous()",
            "tensor.contiguous()",
            {"class_merges_what_it_splits"},
        ),
        ("torch.matmul(attention, values)", "attention.mT @ values", {"class_weights_its_values"}),
        ("return self.W_O(self.apply", "return (self.apply", {"class_projects_before_and_after"}),
        (
            "v = self.split_heads(self.W_V",
            "v = self.split_heads(self.W_K",
            {"class_projects_before_and_after"},
        ),
    ],
)
def test_a_mistake_in_heads_fails_the_checks_of_its_own_part(
    old: str, new: str, names: set[str]
) -> None:
    assert failed(judged("ift6135", IFT6135, (old, new))) == names
