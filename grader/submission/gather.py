"""From what a platform stored for a student to the files of one hand-in."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from grader.errors import SubmissionError
from grader.submission.files import (
    Found,
    copy_regular,
    irregularity,
    is_folder,
    require_moderate,
    walk,
)
from grader.submission.layouts import HandIn, Piece
from grader.submission.names import quoted, slug
from grader.submission.unpack import unpack_submission


@dataclass(frozen=True, slots=True)
class Gathered:
    """The files of a hand-in, under the names that the student gave them.

    Attributes:
        folder: holds them and nothing else, no link among them; None for a single notebook.
        files: by name.
    """

    folder: Path | None
    files: tuple[Found, ...]


def handed_in(hand_in: HandIn) -> list[Found]:
    """Every file of a hand-in as it was stored, zips unopened.

    Raises:
        SubmissionError: there are too many, or together they are too large.
    """
    files = [file for piece in hand_in.pieces for file in _files(piece, len(hand_in.pieces) == 1)]
    require_moderate(files)
    return files


def gather(hand_in: HandIn, files: list[Found], staging: Path) -> Gathered:
    """Brings a hand-in together in one folder, unpacking a zip that holds the only notebook.

    A folder that is fine as it stands is used where it is. Links and devices are left behind.

    Args:
        hand_in: what to bring together.
        files: of the hand-in.
        staging: where to build a folder if one is needed; must not exist.

    Raises:
        SubmissionError: a zip is not safe to unpack, or a file cannot be copied.
    """
    zips = _zips_to_open(files)
    only = files[0] if len(files) == 1 else None
    if only is not None and only in zips:
        unpack_submission(only.path, staging)
        return Gathered(staging, tuple(walk(staging)))
    stored = hand_in.pieces[0].path
    if not zips and len(hand_in.pieces) == 1:
        if not is_folder(stored):
            return Gathered(None, tuple(files))
        if not any(file.irregular for file in files):
            return Gathered(stored, tuple(files))
    _stage(files, zips, staging)
    return Gathered(staging, tuple(walk(staging)))


def _files(piece: Piece, alone: bool) -> list[Found]:
    """A folder's files go by their names inside it, unless several pieces share one folder."""
    if not is_folder(piece.path):
        return [Found(_own_name(piece), piece.path, irregularity(piece.path.lstat().st_mode))]
    prefix = "" if alone else f"{_own_name(piece)}/"
    return [Found(prefix + file.name, file.path, file.irregular) for file in walk(piece.path)]


def _own_name(piece: Piece) -> str:
    # What remains of a platform's name may be "..", which is no name but a way out.
    return piece.path.name if piece.name in ("", ".", "..") else piece.name


def _zips_to_open(files: list[Found]) -> list[Found]:
    """The zips of a hand-in without a notebook beside them; with one they are taken for data."""
    if any(file.suffix == ".ipynb" for file in files):
        return []
    return [file for file in files if file.suffix == ".zip" and not file.irregular]


def _stage(files: list[Found], zips: list[Found], staging: Path) -> None:
    staging.mkdir(parents=True)
    try:
        for file in files:
            target = staging / file.name
            if file in zips:
                unpack_submission(file.path, target.with_name(slug(Path(file.name).stem)))
            elif not file.irregular:
                target.parent.mkdir(parents=True, exist_ok=True)
                copy_regular(file.path, target)
    except FileExistsError as error:
        shutil.rmtree(staging)
        raise SubmissionError(
            f"The hand-in holds two files that are both called {quoted(Path(error.filename).name)};"
            " rename one."
        ) from error
