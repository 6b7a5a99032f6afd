"""Time to measure the bits per dimension of held-out 28x28 images in two sandboxes.

The model is that of the VAE assignment's notebook, untrained, which costs as much as a trained
one. Every image goes to the encoder once and to the decoder twice.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from pathlib import Path

import nbformat
import numpy as np
from kernels import kernel, place

from assignments.vae.code_length import measure_bpd

NOTEBOOK = Path(__file__).parents[1] / "assignments" / "vae" / "notebook.ipynb"
PRELUDE = """
import torch
from torch import nn
data_set, LEVELS, LATENT_SIZE, IMAGE_SIZES = "mnist", 16, 20, {"mnist": 28}
"""


class Undecided:
    """A scale on which no interval is narrow enough, so that every image is drawn."""

    corners: tuple[float, ...] = ()

    def share(self, value: float) -> float:
        """A share that never stops to change."""
        return value * 1e9


def main() -> None:
    """Prints the seconds from the first message to the figure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=2000)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    rng = np.random.default_rng(0)
    images = rng.integers(0, 16, (options.images, 28, 28)).astype(np.uint8)
    with place() as folder, kernel(folder, 0, PRELUDE, _model(), "model = VAE()") as subject:
        began, cpu = time.perf_counter(), time.process_time()
        value, low, high = measure_bpd(subject, images, rng, 1e-6, Undecided())
        seconds, own = time.perf_counter() - began, time.process_time() - cpu
    facts = {
        "images": len(images),
        "seconds": seconds,
        "of_which_grader_cpu_seconds": own,
        "cores": len(os.sched_getaffinity(0)),
        "bpd": [value, low, high],
    }
    if options.json:
        print(json.dumps(facts))
        return
    print(f"{len(images)} images of 28x28 in {seconds:.1f} s, of which the grader {own:.1f} s")


def _model() -> str:
    cells = nbformat.read(NOTEBOOK, as_version=4).cells
    named = {cell.metadata.get("nbgrader", {}).get("grade_id"): cell.source for cell in cells}
    return str(named["model"])


if __name__ == "__main__":
    main()
