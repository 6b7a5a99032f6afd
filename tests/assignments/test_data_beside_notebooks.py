"""In a clone, an instructor's notebook finds the training images without the runner."""

from __future__ import annotations

from pathlib import Path

import pytest

from grader.data import find

ASSIGNMENTS = Path(__file__).parents[2] / "assignments"
READERS = sorted(
    path.parent.name
    for path in ASSIGNMENTS.glob("*/notebook.ipynb")
    if "GRADER_DATA" in path.read_text("utf-8")
)


@pytest.mark.parametrize("name", READERS)
def test_the_training_images_lie_where_the_notebook_looks(name: str) -> None:
    images = find("digits").train_images
    beside = ASSIGNMENTS / name / "data/digits" / images.name
    assert beside.read_bytes() == images.read_bytes()


def test_most_notebooks_train_on_images() -> None:
    assert "vae" in READERS
    assert len(READERS) > 3
