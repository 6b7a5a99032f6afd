"""The baseline: every notebook through nbclient with a cold kernel, in parallel over the cores.

Nothing is isolated, checked or kept; this is the least that running notebooks costs.
"""

from __future__ import annotations

import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import nbformat
from nbclient import NotebookClient


def execute(path: Path) -> None:
    """One notebook in a fresh kernel."""
    notebook = nbformat.read(path, as_version=4)
    NotebookClient(notebook, timeout=600, allow_errors=True).execute()


def main() -> None:
    """`bare_nbclient.py JOBS NOTEBOOK...`."""
    jobs, *notebooks = sys.argv[1:]
    with ProcessPoolExecutor(int(jobs)) as pool:
        list(pool.map(execute, map(Path, notebooks)))


if __name__ == "__main__":
    main()
