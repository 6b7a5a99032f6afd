"""The fingerprint of a hand-in, by which a run knows what it has already graded."""

from __future__ import annotations

import hashlib

from grader.submission.files import Found, open_regular


def digest(files: list[Found]) -> str:
    """SHA-256 over the names and bytes of a hand-in, in the order of their names.

    Links and devices count by name and kind: they are never opened.
    """
    total = hashlib.sha256()
    for file in sorted(files, key=lambda file: file.name):
        name = file.name.encode("utf-8", "surrogateescape")
        # The length in front keeps "ab" + "c" and "a" + "bc" apart.
        total.update(len(name).to_bytes(8, "big") + name + _content(file))
    return total.hexdigest()


def _content(file: Found) -> bytes:
    if file.irregular:
        return hashlib.sha256(f"not opened: {file.irregular}".encode()).digest()
    with open_regular(file.path) as source:
        return hashlib.file_digest(source, "sha256").digest()
