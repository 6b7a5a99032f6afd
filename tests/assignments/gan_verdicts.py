"""What the checks say to the reference with some functions replaced."""

from __future__ import annotations

from reference import gan, gan_losses
from reference.mistakes.gan import MISTAKES, VARIANTS
from tests.assignments.judging import Judge

REFERENCE = {
    function: getattr(gan, function, None) or getattr(gan_losses, function)
    for function in {variant.function for variant in VARIANTS}
}
JUDGE = Judge("gan_backprop", REFERENCE, MISTAKES, "gan")
FOLDER, ASSIGNMENT, CHECKS = JUDGE.folder, JUDGE.assignment, JUDGE.checks
judged, checks_of = JUDGE.judged, JUDGE.checks_of
