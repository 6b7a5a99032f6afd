from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil

from grader.sandbox import Sandbox
from grader.sandbox.plain import Plain

TIER = Plain()


def test_it_can_always_be_used() -> None:
    assert TIER.problem() is None


def test_the_program_stands_in_a_home_of_its_own_that_goes_afterwards(
    run_inside: Callable[..., Any], sandbox: Sandbox, tmp_path: Path
) -> None:
    (tmp_path / "images").write_text("training", "utf-8")
    given = replace(sandbox, submission=tmp_path, data=(("digits/i", tmp_path / "images"),))
    program = """
settings = json.loads(sys.argv[1])
data = Path(os.environ["GRADER_DATA"]) / "digits/i"
answer = [os.getcwd(), os.environ["HOME"], data.read_text(), settings["submission"],
          sorted(os.environ)]
"""
    cwd, home, data, submission, variables = run_inside(TIER, given, program)
    assert cwd == home
    assert not Path(home).exists()
    assert data == "training"
    assert submission == str(tmp_path)
    assert "PYTEST_CURRENT_TEST" not in variables


def test_killing_it_kills_its_children_and_removes_its_home(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    boot = sandbox.library / "grader/kernel/inside/boot.py"
    boot.write_text(
        "import os, subprocess, sys, time\n"
        "subprocess.Popen(['sleep', '60'])\n"
        f"open({str(tmp_path / 'home')!r}, 'w').write(os.getcwd())\n"
        "time.sleep(60)\n",
        "utf-8",
    )
    with tempfile.TemporaryFile() as log:
        process = TIER.start(sandbox, {}, [], log.fileno())
    while not (tmp_path / "home").exists() or not (home := (tmp_path / "home").read_text("utf-8")):
        time.sleep(0.02)
    (child,) = psutil.Process(process.pid).children()
    assert process.poll() is None
    assert Path(home).is_dir()
    process.kill()
    while process.poll() is None:
        time.sleep(0.02)
    process.kill()  # once more is harmless
    psutil.wait_procs([child], timeout=5)
    assert not child.is_running() or child.status() == psutil.STATUS_ZOMBIE
    assert not Path(home).exists()


def test_it_uses_the_interpreter_of_the_grader(
    run_inside: Callable[..., Any], sandbox: Sandbox
) -> None:
    assert run_inside(TIER, sandbox, "answer = sys.executable") == sys.executable
    assert os.geteuid() == int(subprocess.check_output(["id", "-u"]))
