"""GitHub Classroom: `vae-submissions/vae-<username>/`, as `gh classroom clone` leaves them."""

from __future__ import annotations

from pathlib import Path

from grader.submission.files import changed_ns, entries
from grader.submission.layouts.handin import HandIn, Listing, Piece

_ENDING = "-submissions"


def read(folder: Path, title: str) -> Listing | None:
    """The folder as clones of a class; None when it is not one.

    Args:
        folder: what was handed out.
        title: its name, or that of the archive it came in.
    """
    if not title.endswith(_ENDING):
        return None
    prefix = title.removesuffix(_ENDING) + "-"
    everything = entries(folder)
    clones = [path for path in everything if _is_clone(path, prefix)]
    if not clones:
        return None
    known = {path.name for path in clones}
    return Listing(
        layout="github",
        hand_ins=tuple(_hand_in(path, prefix) for path in clones),
        passed_over=tuple(path for path in everything if path.name not in known),
    )


def _is_clone(path: Path, prefix: str) -> bool:
    return path.name.startswith(prefix) and path.name != prefix and not path.is_file()


def _hand_in(path: Path, prefix: str) -> HandIn:
    username = path.name.removeprefix(prefix)
    return HandIn(username, username, (Piece(path, path.name),), newest_ns=changed_ns(path))
