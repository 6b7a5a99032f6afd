"""Which layout a folder has, and at which level it begins."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from grader.errors import SubmissionError
from grader.submission.files import entries, is_folder, walk
from grader.submission.gather import handed_in
from grader.submission.layouts import PLATFORMS, Listing, plain

_MAX_WRAPPERS = 3


def recognise(folder: Path, title: str) -> Listing:
    """The folder as the first layout that fits, also inside folders that hold nothing else.

    Args:
        folder: what was handed out.
        title: its name, or that of the archive it came in.

    Returns:
        A plain listing without hand-ins when nothing fits.
    """
    places = list(_places(folder, title))
    for place, name in places:
        for platform in PLATFORMS:
            listing: Listing | None = platform.read(place, name)
            if listing is not None:
                return listing
    place, name = places[0]
    for inner, inner_name in places[1:]:
        if not _is_wrapper(inner, title):
            break
        place, name = inner, inner_name
    listing = plain.read(place, name)
    return listing if _holds_work(listing) else Listing("plain", ())


def _places(folder: Path, title: str) -> Iterator[tuple[Path, str]]:
    """The folder, and the folders which hold everything that it holds."""
    yield folder, title
    for _ in range(_MAX_WRAPPERS):
        inside = entries(folder)
        folders = [path for path in inside if is_folder(path)]
        if len(folders) != 1 or any(path.suffix in (".ipynb", ".zip") for path in inside):
            return
        folder = folders[0]
        yield folder, folder.name


def _is_wrapper(inner: Path, title: str) -> bool:
    """Whether the only folder is the class rather than a class of one student."""
    if inner.name.casefold() in (title.casefold(), "submissions"):
        return True
    return sum(_holds_notebook(path) for path in entries(inner) if is_folder(path)) > 1


def _holds_notebook(folder: Path) -> bool:
    try:
        return any(file.suffix == ".ipynb" for file in walk(folder))
    except SubmissionError:
        return False


def _holds_work(listing: Listing) -> bool:
    """Whether a plain folder holds any hand-in: one without is some other folder altogether."""
    empty = True
    for hand_in in listing.hand_ins:
        try:
            files = handed_in(hand_in)
        except SubmissionError:
            return True
        if any(file.suffix in (".ipynb", ".py", ".zip") or file.irregular for file in files):
            return True
        empty = empty and not files
    return empty
