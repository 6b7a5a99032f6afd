"""Finding submissions in whatever a learning platform hands out, and reading them safely."""

from grader.submission.discover import discover
from grader.submission.model import Discovery, Submission
from grader.submission.names import slug
from grader.submission.notebook import assignment_of, read_notebook, strip_outputs

__all__ = [
    "Discovery",
    "Submission",
    "assignment_of",
    "discover",
    "read_notebook",
    "slug",
    "strip_outputs",
]
