"""Seeds that depend on the course, the assignment and the check, never on the submission.

Handing in again is therefore not another throw of the dice, and every verdict can be had again.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass

from grader.errors import UsageError


@dataclass(frozen=True, slots=True)
class Replay:
    """What a replay token says: which check of which assignment, under which seeds.

    `digest` tells whether the secret at hand is the one that the verdict was reached with, and
    `submission` begins the digest of the hand-in; it is empty where there was none.
    """

    assignment: str
    version: int
    check: str
    digest: str
    submission: str = ""


@dataclass(frozen=True, slots=True)
class Seeds:
    """The seeds of one version of one assignment.

    Attributes:
        secret: of the course; empty in a student's kit, whose seeds are public.
    """

    secret: bytes = b""
    assignment: str = ""
    version: int = 1

    def of(self, check: str) -> Callable[[str], int]:
        """A check's seeds: a number in [0, 2^63) for each label."""
        return lambda label: int.from_bytes(self._mac(check, label)[:8], "big") >> 1

    def token(self, check: str, submission: str = "") -> str:
        """Text that reproduces the check's verdict on the submission with this digest."""
        parts = [self.assignment, str(self.version), check, self._digest(check)]
        text = "\n".join([*parts, submission[:12]] if submission else parts)
        return base64.b32encode(text.encode()).decode().rstrip("=").lower()

    def reproduces(self, replay: Replay) -> bool:
        """Whether these are the seeds that the token was made with."""
        same = (replay.assignment, replay.version) == (self.assignment, self.version)
        return same and replay.digest == self._digest(replay.check)

    def _digest(self, check: str) -> str:
        return self._mac(check, "").hex()[:12]

    def _mac(self, check: str, label: str) -> bytes:
        parts = (self.assignment, str(self.version), check, label)
        # Lengths stand in front, so that ("a", "bc") and ("ab", "c") differ.
        text = b"".join(len(p.encode()).to_bytes(4, "big") + p.encode() for p in parts)
        return hmac.new(self.secret, text, hashlib.sha256).digest()


def decode(token: str) -> Replay:
    """Reads a replay token.

    Raises:
        UsageError: it is not one.
    """
    padded = token.strip().upper() + "=" * (-len(token.strip()) % 8)
    try:
        assignment, version, *rest = base64.b32decode(padded).decode().split("\n")
        check, digest, submission = rest if len(rest) == 3 else [*rest, ""]
        return Replay(assignment, int(version), check, digest, submission)
    except (binascii.Error, UnicodeDecodeError, ValueError) as error:
        raise UsageError(
            f"{token!r} is not a replay token; copy it whole from the evidence of a verdict"
        ) from error
