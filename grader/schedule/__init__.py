"""Many submissions over the cores of one machine."""
