"""docs/authoring.md, followed line by line."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

PAGE = Path(__file__).parents[1] / "docs" / "authoring.md"
_BLOCK = re.compile(r"(?:<!-- (.+?) -->\n)?```(\w+)\n(.*?)```", re.DOTALL)
_REPLACE = re.compile(r'in (\S+): "(.+)" becomes')


class Block(NamedTuple):
    instruction: str
    language: str
    text: str


def blocks() -> Iterator[Block]:
    for match in _BLOCK.finditer(PAGE.read_text("utf-8")):
        yield Block(match[1] or "", match[2], match[3])


def typed(console: str) -> None:
    """Types what follows each `$`, and demands the lines that stand under it."""
    for command in filter(None, re.split(r"^\$ ", console, flags=re.MULTILINE)):
        line, *expected = command.strip().split("\n")
        program, *arguments = shlex.split(line)
        assert program == "grader"
        # A process each, as an author's: in one, an edited file would not be read again.
        command = [sys.executable, "-m", "grader.cli", *arguments]
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        assert result.returncode == 0, (line, result.stderr)
        for words in expected:
            assert words in result.stdout, line


def edited(block: Block) -> bool:
    if block.instruction.startswith("add to "):
        path = Path(block.instruction.removeprefix("add to "))
        path.write_text(f"{path.read_text('utf-8')}\n\n{block.text}", "utf-8")
        return True
    if match := _REPLACE.fullmatch(block.instruction):
        path, before = Path(match[1]), match[2]
        text = path.read_text("utf-8")
        assert text.count(before) == 1
        path.write_text(text.replace(before, block.text.strip()), "utf-8")
        return True
    return False


@pytest.mark.sandbox
def test_the_page_can_be_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    commands, edits = 0, 0
    for block in blocks():
        edits += edited(block)
        if block.language == "console":
            typed(block.text)
            commands += block.text.count("$ ")
    assert (commands, edits) == (6, 4)
