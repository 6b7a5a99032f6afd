"""Which data sets there are, and where on this machine."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from grader.data.idx import read_idx
from grader.errors import UsageError

_EMBEDDED = Path(__file__).parent / "digits"
_FILES = {
    "train_images": "train-images-idx3-ubyte",
    "train_labels": "train-labels-idx1-ubyte",
    "test_images": "t10k-images-idx3-ubyte",
    "test_labels": "t10k-labels-idx1-ubyte",
}
# Grey levels in the files: digits are stored in 4 bits, the others in 8.
_STORED_LEVELS = {"digits": 16, "mnist": 256, "fashion-mnist": 256}


@dataclass(frozen=True, slots=True)
class DataSet:
    """One data set on disk.

    Attributes:
        train_images: the files that a notebook may read.
        test_images: held out; never enters a sandbox.
        levels: grey levels in the files.
    """

    name: str
    train_images: Path
    train_labels: Path
    test_images: Path
    test_labels: Path
    levels: int


def find(name: str, data_dir: Path | None = None) -> DataSet:
    """The files of a data set: embedded for `digits`, else below `data_dir`.

    Args:
        name: digits, mnist or fashion-mnist.
        data_dir: folder that holds `name/` or the files themselves, compressed or not.

    Raises:
        UsageError: the name is unknown or a file is missing; says which and what to do.
    """
    if name not in _STORED_LEVELS:
        raise UsageError(f"no data set {name!r}: there are {', '.join(_STORED_LEVELS)}")
    folder = _EMBEDDED if name == "digits" else _folder(name, data_dir)
    paths = {role: _file(name, folder, file) for role, file in _FILES.items()}
    return DataSet(name=name, levels=_STORED_LEVELS[name], **paths)


def held_out(dataset: DataSet) -> NDArray[np.uint8]:
    """The test images in 16 levels, shape (N, H, W), values 0..15.

    Raises:
        UsageError: the file holds something else than images of the declared levels.
    """
    images = read_idx(dataset.test_images)
    if images.ndim != 3 or images.size == 0:
        raise UsageError(f"{dataset.test_images} has shape {images.shape}; images are (N, H, W)")
    quantised = images if dataset.levels == 16 else (images >> 4).astype(np.uint8)
    if quantised.max() > 15:
        raise UsageError(f"{dataset.test_images} holds level {quantised.max()}; 15 is the largest")
    return quantised


def _folder(name: str, data_dir: Path | None) -> Path:
    if data_dir is None:
        raise UsageError(f"{name} is not part of grader: say where it is with --data-dir FOLDER")
    own = data_dir / name
    return own if own.is_dir() else data_dir


def _file(name: str, folder: Path, file: str) -> Path:
    for path in (folder / f"{file}.gz", folder / file):
        if path.is_file():
            return path
    raise UsageError(
        f"{name} needs {file}.gz, which is not in {folder}: put the four IDX files there, or name "
        "their folder with --data-dir"
    )
