"""The environment of a run, as a lock that can be installed again: `pip install -r`."""

from __future__ import annotations

import hashlib
import platform
from functools import cache
from importlib.metadata import distributions
from pathlib import Path

FOLDER = "environments"
_DIGITS = 12


@cache
def lock() -> str:
    """Every distribution of this interpreter with its version, a requirement a line."""
    # Each look at `metadata` reads and parses the file again.
    read = [each.metadata for each in distributions()]
    found = {f"{each['Name']}=={each['Version']}" for each in read if each["Name"]}
    about = f"# Python {platform.python_version()}, {platform.system()} {platform.machine()}"
    return "\n".join([about, *sorted(found, key=str.casefold), ""])


def name_of(text: str) -> str:
    """Of a lock: the same environment has the same name."""
    return hashlib.sha256(text.encode()).hexdigest()[:_DIGITS]


def keep(out: Path, text: str) -> None:
    """Puts a lock beside the results that name it."""
    path = out / FOLDER / f"{name_of(text)}.txt"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, "utf-8")
