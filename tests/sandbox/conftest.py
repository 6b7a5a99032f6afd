"""Small programs in the place of `boot.py`: what a sandbox denies, seen from inside."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from grader.assignment import Limits
from grader.sandbox import Sandbox, Tier

BECOME = """
import ctypes, errno, json, os, socket, sys
from pathlib import Path
user = json.loads(sys.argv[1])["user_id"]
if user is not None:
    os.setgroups([]); os.setresgid(user, user, user); os.setresuid(user, user, user)
def tried(action):
    try:
        return str(action())
    except OSError as error:
        return errno.errorcode.get(error.errno, str(error.errno))
libc = ctypes.CDLL(None, use_errno=True)
def call(name, *arguments):
    if getattr(libc, name)(*arguments) < 0:
        raise OSError(ctypes.get_errno(), name)
    return "allowed"
"""


@pytest.fixture
def library(tmp_path: Path) -> Path:
    """A library folder whose boot program is written by `run_inside`."""
    folder = tmp_path / "library"
    (folder / "grader/kernel/inside").mkdir(parents=True)
    return folder


@pytest.fixture
def sandbox(library: Path) -> Sandbox:
    return Sandbox(library=library, limits=Limits(disk="1 MiB"), slot=700)


@pytest.fixture
def run_inside() -> Callable[[Tier, Sandbox, str], Any]:
    """Runs a program that leaves `answer` behind; gives that, as JSON has it."""

    def run(tier: Tier, sandbox: Sandbox, program: str) -> Any:
        boot = sandbox.library / "grader/kernel/inside/boot.py"
        boot.write_text(f"{BECOME}\n{program}\nprint(json.dumps(answer))\n", "utf-8")
        with tempfile.TemporaryFile() as log:
            with tier.start(sandbox, {"mode": "test"}, [], log.fileno()) as process:
                status = process.wait(20)
            log.seek(0)
            said = log.read().decode()
        assert status == 0, said
        return json.loads(said.strip().splitlines()[-1])

    return run
