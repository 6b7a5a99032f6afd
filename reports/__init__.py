"""Pages that students and teachers read: one self-contained file each, safe for any submission."""

from reports.render import render

__all__ = ["render"]
