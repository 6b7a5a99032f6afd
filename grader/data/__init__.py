"""The data sets of the course: where their files are, and the part that submissions never see."""

from __future__ import annotations

from grader.data.catalogue import DataSet, find, held_out

__all__ = ["DataSet", "find", "held_out"]
