"""The shapes in which learning platforms hand out a class's work, one per module."""

from grader.submission.layouts import canvas, github, gradescope, moodle, nbgrader, plain
from grader.submission.layouts.handin import HandIn, Listing, Piece

# Of the platforms, the ones with the most telling signs come first. A plain folder has none and
# is tried by itself, last.
PLATFORMS = (gradescope, moodle, canvas, nbgrader, github)

__all__ = ["PLATFORMS", "HandIn", "Listing", "Piece", "plain"]
