"""A shard of submissions as one file, which any machine that has grader can grade.

A bundle holds hand-ins, the assignment with its checks, what the sandboxes see of grader, and a
manifest. Its name is a digest of its content. The course secret is not in it: it goes to the task
by way of the environment, and the manifest says which one is meant.
"""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Any

from grader.assignment import Assignment, installed, load
from grader.devices import Place
from grader.dialect import in_dialect
from grader.errors import InfrastructureError
from grader.settings import Settings, package_versions
from grader.submission import Submission, slug
from grader.submission.files import is_regular, walk
from grader.threshold import Device

_MANIFEST = "bundle.json"
_LEFT_OUT = {"__pycache__", "submissions"}
_DIGITS = 20


@dataclass(frozen=True, slots=True)
class Bundle:
    """What a task is to grade.

    Attributes:
        settings: as on the machine that made the bundle, with the paths of this one.
        submissions: with the paths of this machine.
        keys: under which each student's result is kept.
        gpus: that the task must have been given.
        unlike: what is not as on the machine that made the bundle, in words.
    """

    settings: Settings
    submissions: tuple[Submission, ...]
    keys: dict[str, str]
    gpus: int
    unlike: tuple[str, ...]


def write_bundle(
    folder: Path, submissions: Sequence[Submission], settings: Settings, gpus: int = 0
) -> Path:
    """Writes a bundle, whole or not at all; the same content has the same name."""
    partial = folder / ".partial"
    with tarfile.open(partial, "w") as tar:
        _add(tar, _MANIFEST, json.dumps(_manifest(submissions, settings, gpus)).encode())
        for name, path in _files(submissions, settings):
            _add(tar, name, path.read_bytes())
    with partial.open("rb") as written:
        digest = hashlib.file_digest(written, "sha256").hexdigest()[:_DIGITS]
    return partial.rename(folder / f"{digest}.tar")


def read_bundle(path: Path, unpack_to: Path, secret: bytes) -> Bundle:
    """Unpacks a bundle on this machine.

    Raises:
        InfrastructureError: it is not whole.
        AssignmentError: the assignment in it is wrong.
    """
    try:
        with path.open("rb") as packed:
            digest = hashlib.file_digest(packed, "sha256").hexdigest()[:_DIGITS]
        if digest != path.stem:
            raise InfrastructureError(f"{path} is not whole: make it again with the same command")
        with tarfile.open(path) as tar:
            tar.extractall(unpack_to, filter="data")
        manifest = json.loads((unpack_to / _MANIFEST).read_text("utf-8"))
    except OSError as error:
        raise InfrastructureError(f"{path} cannot be read ({error.strerror or error})") from error
    settings = _settings(manifest, unpack_to, secret)
    rows = manifest["submissions"]
    submissions = tuple(_submission(row, unpack_to) for row in rows)
    keys = {row["student_id"]: row["key"] for row in rows}
    unlike = _unlike(manifest, settings)
    return Bundle(settings, submissions, keys, manifest["gpus"], tuple(unlike))


def fingerprint(secret: bytes) -> str:
    """Tells one secret from another without telling either."""
    return hashlib.sha256(b"which secret\0" + secret).hexdigest()[:_DIGITS]


def _manifest(submissions: Sequence[Submission], settings: Settings, gpus: int) -> dict[str, Any]:
    assignment = settings.assignment
    return {
        "assignment": assignment.name,
        "assignment_digest": assignment.digest(),
        "installed_digest": _installed_digest(assignment.name),
        "dialect": assignment.dialect,
        "tier": settings.tier,
        "data_set": settings.data_set,
        "data_dir": str(settings.data_dir) if settings.data_dir else None,
        "threads": settings.threads,
        "secret": fingerprint(settings.secret),
        "packages": package_versions(),
        "gpus": gpus,
        "submissions": [_row(each, settings.key(each)) for each in submissions],
    }


def _installed_digest(name: str) -> str:
    """Of the assignment of this name that comes with grader: checks import each other from it."""
    folder = installed().get(name)
    return load(folder).digest() if folder else ""


def _row(submission: Submission, key: str) -> dict[str, Any]:
    at = submission.submitted_at
    return asdict(submission) | {
        "key": key,
        "notebook": submission.notebook and _inside(submission, submission.notebook),
        "modules": [_inside(submission, path) for path in submission.modules],
        "folder": submission.folder and _place(submission),
        "submitted_at": at and at.isoformat(),
        "earlier": [path.name for path in submission.earlier],
    }


def _place(submission: Submission) -> str:
    return f"submissions/{slug(submission.student_id)}"


def _inside(submission: Submission, path: Path) -> str:
    name = path.relative_to(submission.folder).as_posix() if submission.folder else path.name
    return f"{_place(submission)}/{name}"


def _files(submissions: Iterable[Submission], settings: Settings) -> Iterator[tuple[str, Path]]:
    yield from _tree("library", settings.library)
    yield from _tree(f"assignment/{settings.assignment.name}", settings.assignment.folder)
    for submission in submissions:
        yield from _handed_in(submission)


def _handed_in(submission: Submission) -> Iterator[tuple[str, Path]]:
    if submission.folder is None:
        paths = [submission.notebook] if submission.notebook else submission.modules
        yield from ((_inside(submission, path), path) for path in paths if is_regular(path))
    elif submission.notebook or submission.modules:
        found = (file for file in walk(submission.folder) if not file.irregular)
        yield from ((f"{_place(submission)}/{file.name}", file.path) for file in found)


def _tree(place: str, folder: Path) -> Iterator[tuple[str, Path]]:
    for path in sorted(folder.rglob("*")):
        inside = path.relative_to(folder)
        if path.is_file() and not set(inside.parts) & _LEFT_OUT:
            yield f"{place}/{inside.as_posix()}", path


def _add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    # No times and no owners: the same content is the same file.
    member = tarfile.TarInfo(name)
    member.size = len(content)
    tar.addfile(member, io.BytesIO(content))


def _settings(manifest: dict[str, Any], root: Path, secret: bytes) -> Settings:
    notebooks = root / "notebooks"
    notebooks.mkdir()
    return Settings(
        assignment=_assignment(manifest, root),
        tier=manifest["tier"],
        library=root / "library",
        notebooks=notebooks,
        data_set=manifest["data_set"],
        data_dir=Path(manifest["data_dir"]) if manifest["data_dir"] else None,
        threads=manifest["threads"],
        secret=secret,
        place=Place(_device(manifest)),
    )


def _assignment(manifest: dict[str, Any], root: Path) -> Assignment:
    assignment = load(root / "assignment" / manifest["assignment"])
    sheet = in_dialect(assignment, manifest["dialect"]) if manifest["dialect"] else assignment
    return sheet.on(manifest["data_set"], _device(manifest))


def _device(manifest: dict[str, Any]) -> Device:
    return "cuda" if manifest["gpus"] else "cpu"


def _submission(row: dict[str, Any], root: Path) -> Submission:
    def path(name: str | None) -> Path | None:
        return root / PurePosixPath(name) if name else None

    at = row["submitted_at"]
    kept = {key: row[key] for key in ("student_id", "name", "late", "digest", "problem")}
    return Submission(
        **kept,
        notebook=path(row["notebook"]),
        modules=tuple(root / PurePosixPath(name) for name in row["modules"]),
        folder=path(row["folder"]),
        submitted_at=at and datetime.fromisoformat(at),
        earlier=tuple(map(Path, row["earlier"])),
    )


def _unlike(manifest: dict[str, Any], settings: Settings) -> Iterator[str]:
    if manifest["secret"] != fingerprint(settings.secret):
        yield "another course secret (share it as GRADER_SECRET)"
    here, there = package_versions(), manifest["packages"]
    for name in sorted(here.keys() | there.keys()):
        if here.get(name) != there.get(name):
            yield f"{name} {here.get(name, 'none')} instead of {there.get(name, 'none')}"
    if manifest["assignment_digest"] != settings.assignment.digest() or (
        manifest["installed_digest"] != _installed_digest(manifest["assignment"])
    ):
        yield f"another assignment {manifest['assignment']}"
