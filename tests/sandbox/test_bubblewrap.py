from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from grader.data import find
from grader.sandbox import Sandbox, bubblewrap
from grader.sandbox.bubblewrap import FIRST_UID, Bubblewrap
from grader.sandbox.spec import fixed

TIER = Bubblewrap()
PROBLEM = TIER.problem()
needs_bubblewrap = pytest.mark.skipif(PROBLEM is not None, reason=str(PROBLEM))
Run = Callable[[Bubblewrap, Sandbox, str], Any]


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


# from inside

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
