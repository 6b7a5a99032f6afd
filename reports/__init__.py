"""Pages that students and teachers read: one self-contained file each, safe for any submission."""

from reports.render import render, render_feedback
from reports.students import StudentPages

__all__ = ["StudentPages", "render", "render_feedback"]
