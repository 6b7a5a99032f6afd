from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from grader.data import find, held_out
from grader.data.idx import read_idx, write_idx
from grader.errors import UsageError

STEMS = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)


def write_mnist(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    images = np.full((5, 28, 28), 255, dtype=np.uint8)
    images[0] = 15
    for stem in STEMS:
        write_idx(folder / f"{stem}.gz", images if "images" in stem else images[:, 0, 0])


def test_digits_are_embedded() -> None:
    digits = find("digits")
    assert read_idx(digits.train_images).shape == (1437, 8, 8)
    assert read_idx(digits.train_labels).shape == (1437,)
    assert read_idx(digits.test_labels).shape == (360,)


def test_held_out_digits_have_sixteen_levels() -> None:
    images = held_out(find("digits"))
    assert images.shape == (360, 8, 8)
    assert images.dtype == np.uint8
    assert set(np.unique(images)) == set(range(16))


def test_no_held_out_digit_is_among_the_training_images() -> None:
    digits = find("digits")
    train = {image.tobytes() for image in read_idx(digits.train_images)}
    assert not train & {image.tobytes() for image in held_out(digits)}


def test_every_digit_is_in_both_splits() -> None:
    digits = find("digits")
    for path in (digits.train_labels, digits.test_labels):
        assert set(np.unique(read_idx(path))) == set(range(10))


@pytest.mark.parametrize("below", ["mnist", "."])
def test_mnist_is_found_in_its_own_folder_or_in_the_folder_itself(
    tmp_path: Path, below: str
) -> None:
    write_mnist(tmp_path / below)
    assert find("mnist", tmp_path).train_images.parent == (tmp_path / below)


def test_eight_bits_become_four(tmp_path: Path) -> None:
    write_mnist(tmp_path)
    images = held_out(find("fashion-mnist", tmp_path))
    assert images.shape == (5, 28, 28)
    assert set(np.unique(images[0])) == {0}  # 15 >> 4
    assert set(np.unique(images[1:])) == {15}


def test_uncompressed_files_are_found(tmp_path: Path) -> None:
    write_mnist(tmp_path)
    for path in list(tmp_path.iterdir()):
        path.with_suffix("").write_bytes(gzip.decompress(path.read_bytes()))
        path.unlink()
    assert held_out(find("mnist", tmp_path)).shape == (5, 28, 28)


def test_a_missing_file_is_named_with_what_to_do(tmp_path: Path) -> None:
    write_mnist(tmp_path)
    (tmp_path / "t10k-images-idx3-ubyte.gz").unlink()
    with pytest.raises(UsageError, match=r"t10k-images-idx3-ubyte\.gz.*--data-dir"):
        find("mnist", tmp_path)


def test_mnist_without_a_folder_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match=r"mnist is not part of grader.*--data-dir"):
        find("mnist")


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(UsageError, match=r"'cifar'.*digits, mnist, fashion-mnist"):
        find("cifar")


def test_labels_in_place_of_images_are_refused(tmp_path: Path) -> None:
    write_mnist(tmp_path)
    write_idx(tmp_path / "t10k-images-idx3-ubyte.gz", np.zeros(5, dtype=np.uint8))
    with pytest.raises(UsageError, match=r"shape \(5,\)"):
        held_out(find("mnist", tmp_path))


def test_seventeen_levels_are_refused(tmp_path: Path) -> None:
    write_idx(tmp_path / "test.gz", np.full((1, 8, 8), 16, dtype=np.uint8))
    digits = find("digits")
    wrong = type(digits)("digits", *[tmp_path / "test.gz"] * 4, levels=16)
    with pytest.raises(UsageError, match="holds level 16"):
        held_out(wrong)
