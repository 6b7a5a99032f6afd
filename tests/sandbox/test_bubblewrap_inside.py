"""What a sandbox of bubblewrap denies and allows, seen from inside."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from grader.data import find
from grader.sandbox import Sandbox
from grader.sandbox.bubblewrap import Bubblewrap
from tests.sandbox.bubblewrapped import TIER, needs_bubblewrap

Run = Callable[[Bubblewrap, Sandbox, str], Any]

DENIED = {
    "unshare a user namespace": "call('unshare', 0x10000000)",
    "unshare a network": "call('unshare', 0x40000000)",
    "enter a namespace": "call('setns', 0, 0)",
    "ptrace": "call('ptrace', 0, 0, 0, 0)",
    "mount": "call('mount', b'x', b'/tmp', b'tmpfs', 0, 0)",
    "memfd_create": "os.memfd_create('x')",
    "bpf": "call('syscall', 321, 0, 0, 0)",
    "io_uring": "call('syscall', 425, 1, 0)",
    "keyctl": "call('syscall', 250, 0, 0)",
    "System V memory": "call('shmget', 0, 4096, 0o1600)",
    "vsock": "socket.socket(40, socket.SOCK_STREAM)",
    "kernel cryptography": "socket.socket(38, socket.SOCK_SEQPACKET)",
    "a family with high bits": "call('syscall', 41, ctypes.c_long((1 << 32) | 40), 1, 0)",
    "typing into a terminal": "call('syscall', 16, 0, ctypes.c_long(0x5412), b'x')",
    "the same with high bits": "call('syscall', 16, 0, ctypes.c_long((1 << 32) | 0x5412), b'x')",
    "a clone with namespaces": "call('syscall', 56, 0x10000000 | 17, 0, 0, 0, 0)",
    "becoming root again": "os.setuid(0)",
}


@pytest.mark.sandbox
@needs_bubblewrap
@pytest.mark.skipif(os.uname().machine != "x86_64", reason="numbers of system calls are x86-64's")
def test_dangerous_system_calls_are_denied(run_inside: Run, sandbox: Sandbox) -> None:
    actions = ", ".join(f"{name!r}: tried(lambda: {code})" for name, code in DENIED.items())
    answer = run_inside(TIER, sandbox, f"answer = {{{actions}}}")
    assert answer == dict.fromkeys(DENIED, "EPERM")


@pytest.mark.sandbox
@needs_bubblewrap
def test_what_a_kernel_needs_is_allowed(run_inside: Run, sandbox: Sandbox) -> None:
    program = """
import threading
done = []
thread = threading.Thread(target=done.append, args=(1,)); thread.start(); thread.join()
child = os.fork()
if not child:
    os._exit(7)
families = ("AF_UNIX", "AF_INET", "AF_INET6", "AF_NETLINK")
answer = [done, os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]),
          [bool(socket.socket(getattr(socket, f), socket.SOCK_RAW if f == "AF_NETLINK" else 1))
           for f in families]]
"""
    assert run_inside(TIER, sandbox, program) == [[1], 7, [True] * 4]


@pytest.mark.sandbox
@needs_bubblewrap
def test_nothing_is_writable_but_home_and_temporary_folders(
    run_inside: Run, sandbox: Sandbox
) -> None:
    program = f"""
def write(folder):
    path = Path(folder) / "grader-was-here"
    with open(path, "wb") as file:
        for _ in range(4):
            file.write(bytes(1 << 20)); file.flush()
places = ["/", "/usr", "/etc", "/dev", "/run/grader", {sys.prefix!r}, "/proc", "/data",
          "/home/student", "/home/student/work", "/tmp", "/dev/shm"]
answer = {{place: tried(lambda place=place: write(place)) for place in places}}
"""
    answer = run_inside(TIER, sandbox, program)
    for place in ("/home/student", "/home/student/work", "/tmp", "/dev/shm"):
        assert answer.pop(place) == "ENOSPC"
    assert set(answer.values()) <= {"EROFS", "EACCES", "ENOENT"}


@pytest.mark.sandbox
@needs_bubblewrap
def test_host_processes_files_network_and_environment_are_out_of_sight(
    run_inside: Run, sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRADER_TEST_SECRET", "canary")
    secret = tmp_path / "secret"
    secret.write_text("canary", "utf-8")
    program = f"""
paths = [{str(secret)!r}, {__file__!r}, {str(find("digits").test_images)!r}, "/etc/shadow",
         "/etc/passwd", "/root/.ssh", "/proc/1/environ", "/proc/1/mem"]
answer = [
    {{path: tried(lambda path=path: open(path, "rb").read(8)) for path in paths}},
    sorted(int(name) for name in os.listdir("/proc") if name.isdigit()),
    [name for _, name in socket.if_nameindex()],
    tried(lambda: socket.create_connection(("1.1.1.1", 53), 1)),
    sorted(os.environ),
]
"""
    files, processes, interfaces, connection, variables = run_inside(TIER, sandbox, program)
    assert set(files.values()) <= {"ENOENT", "EACCES", "EPERM"}
    assert len(processes) <= 2
    assert interfaces == ["lo"]
    assert connection == "ENETUNREACH"
    assert "GRADER_TEST_SECRET" not in variables
    assert "OMP_NUM_THREADS" in variables


@pytest.mark.sandbox
@needs_bubblewrap
def test_given_files_are_readable_and_read_only(
    run_inside: Run, sandbox: Sandbox, tmp_path: Path
) -> None:
    (tmp_path / "images").write_text("training", "utf-8")
    handed_in = tmp_path / "handed-in"
    handed_in.mkdir()
    (handed_in / "helper.py").write_text("x = 1", "utf-8")
    given = replace(sandbox, submission=handed_in, data=(("digits/i", tmp_path / "images"),))
    program = """
settings = json.loads(sys.argv[1])
data = Path(os.environ["GRADER_DATA"]) / "digits/i"
helper = Path(settings["submission"]) / "helper.py"
answer = [data.read_text(), helper.read_text(), tried(lambda: data.write_text("no")),
          tried(lambda: helper.write_text("no"))]
"""
    assert run_inside(TIER, given, program) == ["training", "x = 1", "EROFS", "EROFS"]


@pytest.mark.sandbox
@needs_bubblewrap
def test_an_ordinary_user_is_confined_in_a_user_namespace(
    run_inside: Run, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    if (problem := TIER.problem()) is not None:
        pytest.skip(problem)
    program = """
places = ["/", "/dev", "/usr", "/tmp", "/home/student/work"]
answer = [os.getuid(), tried(lambda: call('unshare', 0x10000000)),
          [tried(lambda place=place: Path(place, "x").write_text("x")) for place in places],
          tried(lambda: Path("/dev/null").write_text("x"))]
"""
    user, unshare, writes, null = run_inside(TIER, sandbox, program)
    assert user == 1000
    assert unshare == "EPERM"
    assert writes == ["EROFS", "EROFS", "EROFS", "1", "1"]
    assert null == "1"
