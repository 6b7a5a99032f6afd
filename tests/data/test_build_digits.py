from __future__ import annotations

from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits

from grader.data import find
from grader.data.build_digits import build
from grader.data.idx import read_idx


def test_a_rebuild_gives_the_embedded_arrays(tmp_path: Path) -> None:
    build(tmp_path)
    for path in find("digits").test_images.parent.glob("*.gz"):
        np.testing.assert_array_equal(read_idx(tmp_path / path.name), read_idx(path))


def test_the_images_are_scikit_learns_with_level_sixteen_merged() -> None:
    digits = find("digits")
    ours = np.concatenate([read_idx(digits.train_images), read_idx(digits.test_images)])
    theirs = np.minimum(load_digits().images, 15).astype(np.uint8)
    assert sorted(map(bytes, ours)) == sorted(map(bytes, theirs))
