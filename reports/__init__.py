"""Pages that students and teachers read: one self-contained file each, safe for any submission."""

from reports.render import render, render_feedback

__all__ = ["render", "render_feedback"]
