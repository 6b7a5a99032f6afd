"""Builds the embedded digits from scikit-learn's copy: `python -m grader.data.build_digits`.

The split and the bytes are the same on every machine, so that a rebuild changes no score.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from grader.data.idx import write_idx

TRAIN_IMAGES = 1437  # four fifths of 1,797; the other 360 are held out
_SPLIT_SEED = 20


def build(folder: Path) -> None:
    """Writes the four IDX files into `folder`."""
    images, labels = _load()
    order = np.random.default_rng(_SPLIT_SEED).permutation(len(images))
    train, test = order[:TRAIN_IMAGES], order[TRAIN_IMAGES:]
    for split, rows in (("train", train), ("t10k", test)):
        write_idx(folder / f"{split}-images-idx3-ubyte.gz", images[rows])
        write_idx(folder / f"{split}-labels-idx1-ubyte.gz", labels[rows])


def _load() -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    from sklearn.datasets import load_digits  # type: ignore[import-untyped]  # has no stubs

    digits = load_digits()
    # The files count ink in 17 steps, 0..16; the two darkest become one, so that 4 bits suffice.
    return np.minimum(digits.images, 15).astype(np.uint8), digits.target.astype(np.uint8)


if __name__ == "__main__":
    build(Path(__file__).parent / "digits")
