"""When forked sandboxes cannot be used, and what is said then."""

from __future__ import annotations

import os
import platform
import socket
import subprocess
from pathlib import Path

import pytest

from grader.assignment import Limits
from grader.errors import InfrastructureError
from grader.sandbox import Sandbox, choose, zygotes
from grader.sandbox.bubblewrap import Bubblewrap
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
