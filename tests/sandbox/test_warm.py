"""When forked sandboxes cannot be used, and what is said then."""

from __future__ import annotations

import os
import platform
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from grader.assignment import Limits
from grader.errors import InfrastructureError
from grader.kernel.session import MOST_SECOND, SECOND_SLOTS
from grader.sandbox import Sandbox, choose, warm, zygotes
from grader.sandbox.bubblewrap import FIRST_UID, Bubblewrap, nesting_command
from grader.sandbox.warm import Warm


@pytest.fixture
def sandbox(tmp_path: Path) -> Sandbox:
    return Sandbox(library=tmp_path, limits=Limits())


@pytest.fixture
def _outer_works(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Bubblewrap, "problem", lambda _: None)


def test_without_bubblewrap_its_problem_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Bubblewrap, "problem", lambda _: "bubblewrap is not installed")
    assert Warm().problem() == "bubblewrap is not installed"


@pytest.mark.usefixtures("_outer_works")
def test_an_old_system_that_counts_processes_together_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(platform, "release", lambda: "5.10.0-28-amd64")
    assert "Linux 5.14 or later; this is 5.10.0-28-amd64" in str(Warm().problem())


@pytest.mark.usefixtures("_outer_works")
def test_a_system_that_forbids_nesting_is_explained_and_the_next_tier_chosen(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    said = "Traceback\nPermissionError: [Errno 1] Operation not permitted (unshare)\n"
    monkeypatch.setattr(platform, "release", lambda: "6.8.0")
    monkeypatch.setattr(
        subprocess, "run", lambda *_, **__: subprocess.CompletedProcess([], 1, "", said)
    )
    assert "Operation not permitted (unshare)" in str(Warm().problem())
    assert choose("auto").name == "bwrap"


def test_the_user_of_a_zygote_is_none_of_a_sandbox() -> None:
    slots = [i + SECOND_SLOTS * n for i in range(SECOND_SLOTS) for n in range(MOST_SECOND + 1)]
    users = {FIRST_UID + slot for slot in slots}
    assert len(users) == SECOND_SLOTS * (MOST_SECOND + 1)
    assert zygotes.ZYGOTE_UID not in users
    assert zygotes.ZYGOTE_UID < 65_534  # from where on ids have meanings of their own


def test_a_start_without_a_zygote_is_our_fault(sandbox: Sandbox) -> None:
    with pytest.raises(InfrastructureError, match="has ended; try again"):
        Warm().start(sandbox, {}, [], 2)


def test_somebody_elses_socket_of_the_same_name_is_not_trusted(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
        listener.bind(zygotes._name(sandbox, "start"))
        listener.listen()
        ours = zygotes.connect(sandbox, "start")
        assert ours is not None
        ours.close()
        name, other = zygotes._name(sandbox, "start"), os.geteuid() + 1
        monkeypatch.setattr(zygotes, "_name", lambda *_: name)
        monkeypatch.setattr(os, "geteuid", lambda: other)
        assert zygotes.connect(sandbox, "start") is None


def test_data_and_threads_and_library_have_zygotes_of_their_own(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    others = [
        Sandbox(library=tmp_path / "x", limits=Limits()),
        Sandbox(library=tmp_path, limits=Limits(), threads=2),
        Sandbox(library=tmp_path, limits=Limits(), data=(("a", tmp_path),)),
    ]
    names = {zygotes._name(other, "hold") for other in [sandbox, *others]}
    assert len(names) == 4
    changed = Sandbox(library=tmp_path, limits=Limits(disk="1 MiB"), slot=3, submission=tmp_path)
    assert zygotes._name(changed, "hold") == zygotes._name(sandbox, "hold")


KEPT = """
import os, sys
sys.path.insert(0, "/run/grader")
import namespaces
if os.geteuid() == 0:
    namespaces.settle(int(sys.argv[1]))
namespaces.isolate()
first = os.fork()
if first:
    os._exit(os.waitstatus_to_exitcode(os.waitpid(first, 0)[1]))
namespaces.furnish(["/tmp"], 1 << 20, ["/tmp/deep/interpreter"])
print(sorted(os.listdir("/tmp")), open("/tmp/deep/interpreter/lib").read())
try:
    open("/tmp/deep/interpreter/written", "w")
except OSError as error:
    print(error.strerror)
"""


@pytest.mark.sandbox
def test_an_interpreter_below_a_covered_folder_stays_in_view_and_read_only(tmp_path: Path) -> None:
    (tmp_path / "lib").write_text("torch", "utf-8")
    tmp_path.chmod(0o755)
    command = [
        *nesting_command(Sandbox(library=warm._INSIDE, limits=Limits())),
        *("--perms", "0755", "--dir", "/tmp/deep"),
        *("--ro-bind", str(tmp_path), "/tmp/deep/interpreter"),
        *("--", sys.executable, "-I", "-c", KEPT, str(zygotes.ZYGOTE_UID)),
    ]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.stdout.splitlines() == ["['deep'] torch", "Read-only file system"], ran.stderr
