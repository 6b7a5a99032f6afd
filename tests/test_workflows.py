"""The workflows are read as YAML, and the commands in them are ones that exist."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from grader.cli import app

WORKFLOWS = Path(__file__).parents[1] / ".github" / "workflows"
FILES = sorted(WORKFLOWS.glob("*.yml"))


def steps(path: Path) -> list[dict[str, Any]]:
    document = yaml.safe_load(path.read_text("utf-8"))
    return [step for job in document["jobs"].values() for step in job["steps"]]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_script_is_shell_that_parses(path: Path) -> None:
    bash = shutil.which("bash")
    assert bash is not None
    scripts = [step["run"] for step in steps(path) if "run" in step]
    assert scripts
    for script in scripts:
        subprocess.run([bash, "-n"], input=script, text=True, check=True)
        assert "${{" not in script  # an expression in a script is a way in: it goes through env


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_grader_is_called_with_options_that_it_has(path: Path) -> None:
    commands = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    for script in (step.get("run", "") for step in steps(path)):
        for name, rest in re.findall(r"^\s*grader (\w+)(.*)$", script, flags=re.MULTILINE):
            known = {option for p in commands[name].params for option in p.opts}
            assert set(re.findall(r"(?<=\s)--[a-z-]+", rest)) <= known


@pytest.mark.parametrize("name", ["course-audit", "student-check"])
def test_a_course_may_call_the_workflow(name: str) -> None:
    document = yaml.safe_load((WORKFLOWS / f"{name}.yml").read_text("utf-8"))
    assert "workflow_call" in document[True]  # YAML reads `on` as a truth value
    assert document["permissions"] == {"contents": "read"}
