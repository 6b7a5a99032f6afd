"""JSON from a stranger: no deeper, wider or longer in its numbers than a notebook needs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from grader.errors import SubmissionError
from grader.submission.names import printable

MAX_DEPTH = 100
# An empty list takes 64 bytes of memory for 3 of text, a number 32 for 2. Plotting libraries that
# are inlined in an output stay below both.
MAX_BRACKETS = 2_000_000
MAX_COMMAS = 4_000_000
# Once parsed, text that only looks like JSON no longer counts. Checking as many takes seconds.
MAX_CONTAINERS = 200_000
MAX_DIGITS = 30


def parse(content: bytes) -> Any:
    """What JSON text says. NaN and infinities are let through, half surrogates become "?".

    Raises:
        SubmissionError: it is not JSON, or beyond a limit; the sentence lacks its subject.
    """
    _require_few(content.count(b"[") + content.count(b"{"), "brackets", MAX_BRACKETS)
    _require_few(content.count(b","), "commas", MAX_COMMAS)
    try:
        document = json.loads(content.decode("utf-8-sig"), parse_int=_bounded_int)
    except UnicodeDecodeError as error:
        raise SubmissionError(
            f"is not UTF-8 text (byte {error.start}); save it again in Jupyter."
        ) from error
    except json.JSONDecodeError as error:
        raise SubmissionError(
            f"is not JSON (line {error.lineno}, column {error.colno}: {error.msg}); "
            "save it again in Jupyter."
        ) from error
    except RecursionError as error:
        raise _too_deep() from error
    containers = 0
    for value, depth in values(document):
        containers += isinstance(value, dict | list)
        if depth > MAX_DEPTH:
            raise _too_deep()
    _require_few(containers, "lists and objects", MAX_CONTAINERS)
    return _whole_characters(document) if b"\\u" in content else document


def values(document: Any) -> Iterator[tuple[Any, int]]:
    """Every value in a document, with its depth; without recursion, so depth costs nothing."""
    waiting = [(document, 1)]
    while waiting:
        value, depth = waiting.pop()
        yield value, depth
        if isinstance(value, dict):
            waiting.extend((inner, depth + 1) for inner in value.values())
        elif isinstance(value, list):
            waiting.extend((inner, depth + 1) for inner in value)


def _require_few(count: int, what: str, limit: int) -> None:
    if count > limit:
        raise SubmissionError(
            f"holds {count} {what}, more than the {limit} that are read; "
            "clear its outputs and hand it in again."
        )


def _bounded_int(digits: str) -> int:
    if len(digits) > MAX_DIGITS:
        raise SubmissionError(
            f"holds a whole number of {len(digits)} digits ({printable(digits, 12)}), more than "
            f"the {MAX_DIGITS} that are read; save it again in Jupyter."
        )
    return int(digits)


def _whole_characters(document: Any) -> Any:
    # An escape such as \\ud800 alone is no character: nothing can write it to a file afterwards.
    text = json.dumps(document, ensure_ascii=False)
    return json.loads(text.encode("utf-8", "replace"))


def _too_deep() -> SubmissionError:
    return SubmissionError(
        f"nests deeper than the {MAX_DEPTH} levels that are read; save it again in Jupyter."
    )
