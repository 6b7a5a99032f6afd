"""Verdicts of the made-up class: everything right, and what each fault changes."""

from __future__ import annotations

from dataclasses import replace

from grader.checks.verdict import Counterexample, Outcome, Shown, Verdict

XSS = '"><img src=x onerror=alert(1)><script>alert(2)</script>'


def _passed(question: str, check: str, title: str, points: float, **more: object) -> Verdict:
    verdict = Verdict(
        question,
        check,
        Outcome.PASSED,
        points,
        points,
        title=title,
        replay=f"v1.{question}.9f31c2",
        evidence={"inputs_tried": 256, "largest_error": 3.1e-7, "tolerance": 1.9e-6},
        wall_seconds=0.021,
    )
    return replace(verdict, **more)


_ALL_PASSED = [
    Verdict("mc", "rubric", Outcome.MANUAL, 0, 2),
    _passed(
        "sample",
        "sample_law",
        "Samples follow the decoder's distribution",
        1,
        false_fail=1e-9,
        detectable="0.9 % of a pixel's probability",
        evidence={"statistic": 3.18, "bound": 6.11, "n": 65536},
    ),
    _passed("gaussian-kl", "closed_form", "KL(q || p) of two univariate Gaussians", 2),
    _passed(
        "kl",
        "kl_log_ratio",
        "KL(q || p) is E_q[log q(z) - log p(z)], summed over the last axis",
        2,
    ),
    _passed("kl", "kl_gradient", "Its gradient is that of the definition", 1, hidden=True),
    _passed(
        "reparam",
        "reparam_law",
        "Samples follow N(mean, std²), fresh for every element",
        1,
        false_fail=1e-9,
        detectable="0.7 % of the standard deviation",
        evidence={"statistic": 2.41, "bound": 6.11, "n": 131072},
    ),
    _passed(
        "reparam", "reparam_gradient", "Gradients reach the mean and the standard deviation", 1
    ),
    _passed("loss", "one_reduction", "Reconstruction plus KL, reduced in one way", 2),
    _passed("bpd", "bits", "Nats become bits, divided by the dimensions of one image", 1),
    _passed(
        "bpd-test",
        "recomputed",
        "Held-out images cost few bits",
        4,
        hidden=True,
        false_fail=1e-9,
        evidence={"images": 360, "bpd": 1.71, "interval": [1.69, 1.73]},
    ),
    _passed("samples", "grid", "A grid of 8 by 8 samples that is not blank", 1),
    _passed("manifold", "percentiles", "The grid runs over percentiles of the prior", 2),
]


def all_passed() -> dict[str, Verdict]:
    """The verdicts of a student who got everything right, by check."""
    return {verdict.check: verdict for verdict in _ALL_PASSED}


def shown(text: str, *shape: int) -> Shown:
    return Shown(text, shape, "float32")


MISSING_HALF = Counterexample(
    "KLD", {"mean": shown("[2.0]", 1), "log_std": shown("[0.0]", 1)}, shown("4.0"), shown("2.0")
)
FAULTS: dict[str, list[tuple[str, dict[str, object]]]] = {
    "half": [
        (
            "kl_log_ratio",
            {
                "verdict": Outcome.FAILED,
                "points": 0,
                "counterexample": MISSING_HALF,
                "mistakes": ("kl/missing-half",),
                "message": "For mean = [2.0], log_std = [0.0] your KLD returned 4.0. The "
                "expected log-ratio "
                "E_q[log q(z) − log p(z)], integrated numerically, is 2.0 (integration error "
                "below 1e-12).\n"
                "On all 22 inputs tried yours is exactly twice as large.",
                "evidence": {"inputs_tried": 22, "failing": 21, "ratio": 2.0, "tolerance": 1.9e-6},
            },
        )
    ],
    "log-var": [
        (
            "kl_log_ratio",
            {
                "verdict": Outcome.FAILED,
                "points": 0,
                "mistakes": ("kl/log-std-as-log-var",),
                "counterexample": Counterexample(
                    "KLD",
                    {
                        "mean": shown("[[0.0, 0.0], [0.5, -1.0]]", 2, 2),
                        "log_std": shown("[[0.5, 0.0], [-0.25, 1.5]]", 2, 2),
                    },
                    shown("[0.0744, 2.1031]", 2),
                    shown("[0.3591, 8.9702]", 2),
                ),
                "message": "Your KLD agrees where log_std is 0 and nowhere else.",
            },
        ),
        (
            "one_reduction",
            {
                "verdict": Outcome.SKIPPED,
                "points": 0,
                "message": "Not tried: it builds on 2.3, KL to the unit Gaussian, which failed.",
            },
        ),
    ],
    "batch": [
        (
            "kl_log_ratio",
            {
                "verdict": Outcome.PARTIAL,
                "points": 1,
                "mistakes": ("kl/mean-over-batch",),
                "message": "The sum over all images is right, the shape is not: () where "
                "(64,) is asked.",
            },
        )
    ],
    "noise": [
        (
            "reparam_law",
            {
                "verdict": Outcome.FAILED,
                "points": 0,
                "mistakes": ("reparam/shared-noise",),
                "false_fail": 1e-9,
                "message": "Rows of one batch move together: their correlation is 1.00.",
            },
        )
    ],
    "nats": [
        (
            "bits",
            {
                "verdict": Outcome.FAILED,
                "points": 0,
                "mistakes": ("bpd/nats",),
                "counterexample": Counterexample(
                    "elbo_to_bpd",
                    {"elbo": shown("[543.4]", 1), "img_shape": Shown("[1, 1, 28, 28]")},
                    shown("[0.6931]", 1),
                    shown("[1.0000]", 1),
                ),
                "message": "Right up to a constant factor of 0.6931.",
            },
        )
    ],
    "loss": [
        (
            "one_reduction",
            {
                "verdict": Outcome.FAILED,
                "points": 0,
                "mistakes": ("loss/recon-mean-over-pixels", "kl/mean-over-batch"),
                "message": "The two terms are out of proportion by the number of pixels.",
            },
        )
    ],
    "raised": [
        (
            "percentiles",
            {
                "verdict": Outcome.ERROR,
                "points": 0,
                "message": "visualize_manifold raised RuntimeError: mat1 and mat2 shapes "
                "cannot be multiplied "
                "(400x2 and 20x512).",
            },
        )
    ],
    "absent": [
        (
            "percentiles",
            {
                "verdict": Outcome.MISSING,
                "points": 0,
                "message": "visualize_manifold is not defined.",
            },
        ),
        ("grid", {"verdict": Outcome.MISSING, "points": 0, "message": "No figure was found."}),
    ],
    "slow": [
        (
            "recomputed",
            {"verdict": Outcome.TIMEOUT, "points": 0, "message": "Training did not end in 600 s."},
        )
    ],
    "memory": [
        (
            "recomputed",
            {
                "verdict": Outcome.MEMORY,
                "points": 0,
                "message": "Training asked for more than 4 GiB.",
            },
        )
    ],
    "blurred": [
        (
            "recomputed",
            {
                "verdict": Outcome.PARTIAL,
                "points": 2.59,
                "hidden": True,
                "false_fail": 1e-9,
                "message": "2.05 bits per dimension: 2.59 of 4 points, linear between 2.60 "
                "and 1.75.",
                "evidence": {
                    "images": 360,
                    "bpd": 2.05,
                    "interval": [2.03, 2.07],
                    "draws_per_image": 32,
                },
            },
        )
    ],
    "marked": [
        ("rubric", {"verdict": Outcome.PASSED, "points": 2, "message": "Clear and complete."})
    ],
    "ours": [
        (
            "recomputed",
            {
                "verdict": Outcome.INFRASTRUCTURE,
                "points": 0,
                "message": "The worker was lost while it recomputed the figure; it runs again.",
            },
        )
    ],
    "hostile": [
        (
            check,
            {
                "verdict": Outcome.FAILED,
                "points": 0,
                "title": XSS,
                "message": XSS + "\x1b[31m\u202egnp\x00",
                "mistakes": (XSS,),
                "detectable": XSS,
                "replay": XSS,
                "evidence": {XSS: [XSS, {XSS: XSS}]},
                "counterexample": Counterexample(XSS, {XSS: shown(XSS)}, shown(XSS), shown(XSS)),
            },
        )
        for check in ("kl_log_ratio", "bits")
    ],
}
