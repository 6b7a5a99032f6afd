"""What all pages are made with: templates, style sheets and a policy that lets nothing in."""

from __future__ import annotations

import os
from collections.abc import Collection
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from reports.formulas import numbers, symbol, with_math

_HERE = Path(__file__).parent
POLICY = (
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; "
    "form-action 'none'"
)


def environment() -> Environment:
    """Templates with escaping everywhere, in which an unknown name is an error."""
    templates = Environment(
        loader=FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.filters |= {"math": with_math, "numbers": numbers, "symbol": symbol}
    return templates


def static(*names: str) -> str:
    """The named files of `static/` as one text."""
    return "\n".join((_HERE / "static" / name).read_text("utf-8") for name in names)


def remove_others(folder: Path, names: Collection[str]) -> None:
    """Removes pages that nothing leads to any more, and halves of them."""
    with os.scandir(folder) as entries:
        stale = [entry.path for entry in entries if entry.name not in names]
    for path in stale:
        if path.endswith((".html", ".partial")):
            Path(path).unlink()
