"""What a marker typed: a mark, or what has to be said about it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl

from starlette.requests import Request

_MAX_BYTES = 1 << 18
_MAX_CHARACTERS = 10_000
_MAX_FIELDS = 20


class FormError(Exception):
    """What was sent is no mark; says in a sentence what to change."""


@dataclass(frozen=True, slots=True)
class Draft:
    """The form as it was typed.

    Attributes:
        follows: id of the mark in force when the page was made; 0 where there was none.
        withdraws: whether the checks' verdict is to stand again.
    """

    points: str = ""
    comment: str = ""
    reason: str = ""
    follows: int = 0
    withdraws: bool = False

    def worth(self, most: float) -> float | None:
        """The points as a number; None where they are withdrawn.

        Raises:
            FormError: they are no number from 0 to `most`.
        """
        if self.withdraws:
            return None
        try:
            value = float(self.points.replace(",", "."))
        except ValueError:
            value = math.nan
        if not 0 <= value <= most:
            raise FormError(f"Points are a number from 0 to {most:g}.")
        return round(value, 2)


async def fields(request: Request) -> dict[str, str]:
    """The fields of a form.

    Raises:
        FormError: it is larger than any form of ours, or none at all.
    """
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > _MAX_BYTES:
            raise FormError("That is more text than a mark can hold.")
    try:
        return dict(parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=_MAX_FIELDS))
    except ValueError as error:
        raise FormError("This is no form of these pages.") from error


def draft(sent: Mapping[str, str]) -> Draft:
    """A draft from the fields of a form; line ends as they are written here."""
    follows = sent.get("follows", "")
    known = follows.isascii() and follows.isdigit() and len(follows) < 19
    return Draft(
        points=_text(sent, "points"),
        comment=_text(sent, "comment"),
        reason=_text(sent, "reason"),
        follows=int(follows) if known else 0,
        withdraws=sent.get("action") == "withdraw",
    )


def _text(sent: Mapping[str, str], name: str) -> str:
    return sent.get(name, "").replace("\r\n", "\n").strip()[:_MAX_CHARACTERS]
