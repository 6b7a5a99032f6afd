"""The table of a large class, in pages that open at once; searching goes through all of them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from reports.roster import Row

ROWS = 1000
_SEARCHED_BYTES = 1_300_000


@dataclass(frozen=True, slots=True)
class Sheet:
    """Some rows in their order; the first sheet stands on the class page itself."""

    number: int
    rows: tuple[Row, ...]

    @property
    def href(self) -> str:
        """Its page, from the class page's folder."""
        return "index.html" if self.number == 1 else f"more/{self.number}.html"


def sheets(rows: Sequence[Row]) -> tuple[Sheet, ...]:
    """One for every thousand rows, and one for none."""
    starts = range(0, max(len(rows), 1), ROWS)
    return tuple(Sheet(n, tuple(rows[at : at + ROWS])) for n, at in enumerate(starts, 1))


def searched(rows: Sequence[Row]) -> Markup:
    """The rows that do not stand on the class page, as its script reads them: JSON, safe in HTML.

    As many as let the page open at once; a name needs about a hundred bytes.
    """
    kept: list[str] = []
    size = 0
    for row in rows[ROWS:]:
        kept.append(_packed(row))
        size += len(kept[-1])
        if size > _SEARCHED_BYTES:
            kept.pop()
            break
    return Markup(f"[{','.join(kept)}]")  # noqa: S704  nothing in it is markup any more


def _packed(row: Row) -> str:
    cells = [row.link.name, row.link.href, row.student_id, row.pattern, row.score]
    standing = [row.standing.key, row.standing.word, row.standing.tone, row.late]
    text = json.dumps([*cells, *standing], ensure_ascii=False, separators=(",", ":"))
    # What could end the element, or begin another one, is written as its escape.
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text
