"""`grader new`: an assignment of one question that runs as it stands, to be written over."""

from __future__ import annotations

from pathlib import Path

from grader.errors import UsageError

_FILES = Path(__file__).parent / "files"
_PLACEHOLDER = "ASSIGNMENT_NAME"


def make(folder: Path) -> Path:
    """Copies the skeleton into a folder that does not exist yet.

    Raises:
        UsageError: the folder exists, cannot be made, or its name is no name for an assignment.
    """
    if not folder.name.isidentifier():
        raise UsageError(f"{folder.name!r} is no name: letters, digits and _, as in my_topic")
    try:
        folder.mkdir(parents=True)
    except OSError as error:
        raise UsageError(f"{folder} cannot be made: {error.strerror}; choose another") from error
    for source in sorted(_FILES.rglob("*")):
        target = folder / source.relative_to(_FILES)
        if source.is_dir():
            target.mkdir()
        else:
            text = source.read_text("utf-8").replace(_PLACEHOLDER, folder.name)
            target.write_text(text, "utf-8")
    return folder
