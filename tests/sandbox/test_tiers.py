from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from grader.errors import UsageError
from grader.sandbox import TIERS, choose, tiers


class Tier:
    def __init__(self, name: str, problem: str | None) -> None:
        self.name = name
        self._problem = problem

    def problem(self) -> str | None:
        return self._problem


def have(monkeypatch: pytest.MonkeyPatch, **problems: str | None) -> None:
    fakes = {name: Tier(name, problem) for name, problem in problems.items()}
    monkeypatch.setattr(tiers, "TIERS", fakes | {"none": TIERS["none"]})


def test_auto_takes_the_strongest_sandbox_that_works(monkeypatch: pytest.MonkeyPatch) -> None:
    have(monkeypatch, strongest="it cannot be used here", bwrap=None, weaker=None)
    assert choose("auto").name == "bwrap"


def test_auto_never_falls_back_to_none_and_says_what_to_type(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    have(monkeypatch, bwrap="bubblewrap is not installed: install it")
    with pytest.raises(UsageError) as caught:
        choose("auto")
    message = str(caught.value)
    assert "bubblewrap is not installed: install it" in message
    assert message.endswith("--isolation none")
    assert "\n" not in message


def test_none_is_chosen_by_name_only() -> None:
    assert choose("none").name == "none"


def test_a_tier_that_does_not_work_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    have(monkeypatch, bwrap="bubblewrap needs Linux")
    with pytest.raises(UsageError, match="isolation bwrap does not work here: bubblewrap needs"):
        choose("bwrap")


def test_an_unknown_tier_is_answered_with_those_there_are() -> None:
    with pytest.raises(UsageError, match=r"docker.*bwrap, none, or auto"):
        choose("docker")


def test_the_interpreter_is_named_without_detours_that_no_sandbox_has() -> None:
    folder = Path(sys.executable).parent
    detour = str(folder / ".." / folder.name / Path(sys.executable).name)
    asked = "from grader.sandbox.spec import INTERPRETER; print(INTERPRETER)"
    said = subprocess.run([detour, "-c", asked], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == os.path.normpath(detour) != detour
