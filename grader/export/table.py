"""Tables that spreadsheets open: CSV in and out, with nothing in it that could be a formula."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence

from grader.errors import UsageError

# Where a spreadsheet sees a formula: at the start of a cell, in plain or full-width characters.
# Some begin a cell at a semicolon or a tab too, whatever the file says.
_FORMULA = re.compile(r"(^|[;\t\r\n])(?=\s*[=+\-@＝＋－＠])")


def defused(cell: str) -> str:
    """The cell with an apostrophe before whatever a spreadsheet would compute."""
    return _FORMULA.sub(r"\1'", cell)


def table_text(header: Sequence[str], rows: Iterable[Mapping[str, str]]) -> str:
    """CSV with CRLF, every cell defused; a column that a row lacks is empty."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow([defused(name) for name in header])
    writer.writerows([defused(row.get(name, "")) for name in header] for row in rows)
    return text.getvalue()


def read_table(text: str, name: str) -> tuple[list[str], list[dict[str, str]]]:
    """Header and rows of a CSV file; what stands beyond the header is left out.

    Args:
        text: of the file; separators other than the comma are recognised.
        name: of the file, for messages.

    Raises:
        UsageError: it has no header.
    """
    text = text.removeprefix("\ufeff")
    first = text.partition("\n")[0]
    separator = max(",;\t", key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    try:
        header, *lines = [line for line in reader if any(map(str.strip, line))]
    except (ValueError, csv.Error) as error:
        raise UsageError(
            f"{name} is no table with a header ({error}); export it as CSV once more"
        ) from error
    header = [column.strip() for column in header]
    return header, [dict(zip(header, line, strict=False)) for line in lines]
