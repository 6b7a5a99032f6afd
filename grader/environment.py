"""The environment of a run, as a lock that can be installed again: `pip install -r`."""

from __future__ import annotations

import hashlib
import platform
from email import message_from_string
from email.message import Message
from functools import cache
from importlib.metadata import Distribution, distributions
from pathlib import Path

FOLDER = "environments"
_DIGITS = 12


@cache
def lock() -> str:
    """Every distribution of this interpreter with its version, a requirement a line."""
    headers = [_headers(each) for each in distributions()]
    found = {f"{each['Name']}=={each['Version']}" for each in headers if each["Name"]}
    about = f"# Python {platform.python_version()}, {platform.system()} {platform.machine()}"
    return "\n".join([about, *sorted(found, key=str.casefold), ""])


def _headers(distribution: Distribution) -> Message:
    """Without the package's whole description, which takes most of the time to parse."""
    text = distribution.read_text("METADATA") or distribution.read_text("PKG-INFO") or ""
    return message_from_string(text.partition("\n\n")[0])


def name_of(text: str) -> str:
    """Of a lock: the same environment has the same name."""
    return hashlib.sha256(text.encode()).hexdigest()[:_DIGITS]


def keep(out: Path, text: str) -> None:
    """Puts a lock beside the results that name it."""
    path = out / FOLDER / f"{name_of(text)}.txt"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, "utf-8")
