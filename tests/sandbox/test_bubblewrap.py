from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from grader.data import find
from grader.sandbox import Sandbox, bubblewrap
from grader.sandbox.bubblewrap import FIRST_UID
from grader.sandbox.spec import fixed
from tests.sandbox.bubblewrapped import TIER, needs_bubblewrap


def sources(command: list[str]) -> dict[str, str]:
    """What of the host is bound, by its place inside."""
    binds = ("--ro-bind", "--ro-bind-try", "--bind", "--dev-bind")
    places = [i for i, word in enumerate(command) if word in binds]
    return {command[i + 2]: command[i + 1] for i in places}


KILLED_EARLY = """
import os, sys
from pathlib import Path
from grader.assignment import Limits
from grader.sandbox import Sandbox, bubblewrap

# What has not come to ask for its parent's death yet, as bubblewrap in its first moments.
bubblewrap._command = lambda sandbox: ["sh", "-c", "exec sleep 300"]
sandbox = Sandbox(library=Path("/usr"), limits=Limits())
process = bubblewrap.Bubblewrap().start(sandbox, {}, (), sys.stdout.fileno())
print(process.pid, flush=True)
os.kill(os.getpid(), 9)
"""


@needs_bubblewrap
def test_a_driver_killed_as_it_starts_a_sandbox_leaves_none_behind() -> None:
    # The output ends with the last process that holds it, not after the 300 seconds that it sleeps.
    command = [sys.executable, "-c", KILLED_EARLY]
    driver = subprocess.run(command, stdout=subprocess.PIPE, timeout=60, check=False)
    assert driver.returncode == -9
    assert int(driver.stdout)  # it had begun


LOST_INSIDE = """
import os, socket, sys, time
from pathlib import Path
from grader.assignment import Limits
from grader.sandbox import Sandbox, bubblewrap

# What bubblewrap forks outlives it while it has not asked for its parent's death.
wait = 'shift 3; (sleep 1; MPLCONFIGDIR=none exec "$@") & exec sleep 300'
bubblewrap._command = lambda sandbox: ["sh", "-c", wait, "sh"]
bubblewrap.LIBRARY = sys.argv[1]
bubblewrap._user_id = lambda sandbox: None
# It holds both ends, so that its channel never closes.
pair = socket.socketpair()
ends = [end.fileno() for end in pair]
settings = {"mode": "definitions", "channel_fd": ends[0]}
sandbox = Sandbox(library=Path("/usr"), limits=Limits())
process = bubblewrap.Bubblewrap().start(sandbox, settings, ends, sys.stdout.fileno())
print(process.pid, flush=True)
time.sleep(0.5)  # the fork is there, and has not looked yet
os.kill(os.getpid(), 9)
"""


@needs_bubblewrap
def test_what_a_killed_driver_has_started_ends_once_it_looks_for_it() -> None:
    library = Path(bubblewrap.__file__).parents[2]
    command = [sys.executable, "-c", LOST_INSIDE, str(library)]
    driver = subprocess.run(command, stdout=subprocess.PIPE, timeout=60, check=False)
    assert driver.returncode == -9
    assert int(driver.stdout)  # it had begun


# the command


def test_a_sandbox_sees_one_gpu_and_by_itself_none(sandbox: Sandbox) -> None:
    def devices(sandbox: Sandbox) -> list[str]:
        command = bubblewrap._command(sandbox)
        return [command[i + 1] for i, word in enumerate(command) if word == "--dev-bind-try"]

    def visible(sandbox: Sandbox) -> str:
        command = bubblewrap._command(sandbox)
        return command[command.index("CUDA_VISIBLE_DEVICES") + 1]

    assert (devices(sandbox), visible(sandbox)) == ([], "")
    one = replace(sandbox, gpu=1)
    assert devices(one) == ["/dev/nvidiactl", "/dev/nvidia-uvm", "/dev/nvidia1"]
    assert visible(one) == "1"
    # As torch's notes on reproducibility have it; without a GPU there is nothing to say.
    assert fixed(one)["CUBLAS_WORKSPACE_CONFIG"] == ":4096:8"
    assert "CUBLAS_WORKSPACE_CONFIG" not in fixed(sandbox)


def test_nothing_of_the_host_is_bound_for_writing(sandbox: Sandbox) -> None:
    assert not {"--bind", "--bind-try", "--dev-bind"} & set(bubblewrap._command(sandbox))


def test_no_folder_with_secrets_is_bound(sandbox: Sandbox) -> None:
    bound = [Path(source) for source in sources(bubblewrap._command(sandbox)).values()]
    held_out = find("digits").test_images
    secrets = [held_out, Path(__file__), Path.home(), Path("/etc/shadow"), Path("/root")]
    for secret in secrets:
        assert not [folder for folder in bound if secret.is_relative_to(folder)]


def test_training_files_are_bound_one_by_one_and_read_only(sandbox: Sandbox) -> None:
    data = find("digits")
    given = replace(sandbox, data=(("digits/train", data.train_images),))
    assert sources(bubblewrap._command(given))["/data/digits/train"] == str(data.train_images)


def test_packages_with_secrets_are_covered_where_the_interpreter_holds_them(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = f"{sys.prefix}/lib/site-packages/reference"
    real = importlib.util.find_spec

    def found(name: str) -> Any:
        if name == "reference":
            return SimpleNamespace(submodule_search_locations=[folder, "/elsewhere/reference"])
        return None if name == "reports" else real(name)

    monkeypatch.setattr(importlib.util, "find_spec", found)
    command = bubblewrap._command(sandbox)
    where = command.index(folder)
    assert command[where - 1] == "--tmpfs"
    assert where > command.index(sys.prefix)
    assert "/elsewhere/reference" not in command


def test_root_becomes_another_user_in_every_slot(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert bubblewrap._user_id(sandbox) == FIRST_UID + 700
    assert "--unshare-user" not in bubblewrap._command(sandbox)


def test_others_get_a_user_namespace_and_cannot_make_more(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert bubblewrap._user_id(sandbox) is None
    command = bubblewrap._command(sandbox)
    assert "--unshare-user" in command
    assert "--disable-userns" in command
    assert "--cap-add" not in command


# why it does not work


def test_it_needs_linux(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    assert TIER.problem() == "bubblewrap needs Linux"


def test_a_missing_program_is_named_with_the_command_that_installs_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert "apt-get install bubblewrap" in str(TIER.problem())


@pytest.mark.parametrize(
    ("stderr", "reason"),
    [("bwrap: setting up uid map: denied\n", "setting up uid map"), ("", "no reason given")],
)
def test_forbidden_namespaces_are_explained(
    monkeypatch: pytest.MonkeyPatch, stderr: str, reason: str
) -> None:
    monkeypatch.setattr("shutil.which", lambda _: "/usr/bin/bwrap")
    refused = subprocess.CompletedProcess([], 1, "", stderr)
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: refused)
    problem = str(TIER.problem())
    assert reason in problem
    assert "allow unprivileged user namespaces" in problem
