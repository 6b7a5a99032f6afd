"""`grader review`: a page on this machine, for people to mark and to overrule."""

from grader.review.server import serve

__all__ = ["serve"]
