"""Grades and verifies coursework in deep generative models, and proves its verdicts."""

__version__ = "0.1.0"
