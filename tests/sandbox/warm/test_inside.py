"""What a fork of the zygote sees and may do, tried from inside."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from grader.errors import InfrastructureError

WAITS = "stream.send(b'up'); time.sleep(60)"


def test_every_namespace_is_new_in_each_sandbox(start: Callable[..., Any]) -> None:
    kinds = ("cgroup", "ipc", "mnt", "net", "pid", "user", "uts")
    # Both live at once: the number of a namespace that is gone may be given out again.
    with start(WAITS) as one, start(WAITS) as other:
        one.await_word()
        other.await_word()
        processes = ("self", one.process.pid, other.process.pid)
        for kind in kinds:
            links = {Path(f"/proc/{process}/ns/{kind}").readlink() for process in processes}
            assert len(links) == 3, kind


def test_the_student_is_an_ordinary_user_without_capabilities(inside: Callable[..., Any]) -> None:
    keys = ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs", "Seccomp")
    answer = inside(f"answer = [os.getuid(), os.getgid(), [status(k) for k in {keys}]]")
    assert answer == [1000, 1000, ["0" * 16] * 5 + ["1", "2"]]


def test_no_process_of_a_sandbox_is_root_on_the_host(start: Callable[..., Any]) -> None:
    with start(WAITS) as running:
        running.await_word()
        first = psutil.Process(running.process.pid)
        for process in (first, *first.children(recursive=True)):
            assert 0 not in (*process.uids(), *process.gids())


def test_dangerous_system_calls_are_denied(inside: Callable[..., Any]) -> None:
    denied = {
        "a user namespace": "call('unshare', 0x10000000)",
        "a mount namespace": "call('unshare', 0x20000)",
        "another namespace": "call('setns', 0, 0)",
        "tracing": "call('ptrace', 0, 0, 0, 0)",
        "mounting": "call('mount', b'x', b'/tmp', b'tmpfs', 0, 0)",
        "unmounting": "call('umount2', b'/proc', 2)",
        "memory of nobody": "os.memfd_create('x')",
        "System V memory": "call('shmget', 0, 4096, 0o1600)",
        "vsock": "socket.socket(40, socket.SOCK_STREAM)",
        "becoming root": "os.setuid(0)",
    }
    actions = ", ".join(f"{name!r}: tried(lambda: {code})" for name, code in denied.items())
    answer = inside(f"answer = {{{actions}}}")
    becoming_root = answer.pop("becoming root")
    assert becoming_root in ("EPERM", "EINVAL")
    assert set(answer.values()) == {"EPERM"}


def test_nothing_of_the_host_or_the_zygote_is_in_sight(
    inside: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "secret").write_text("canary", "utf-8")
    program = f"""
paths = [{str(tmp_path / "secret")!r}, {__file__!r}, "/etc/shadow", "/etc/passwd", "/proc/1/mem",
         "/proc/1/environ", "/proc/1/fd"]
answer = [
    {{path: tried(lambda path=path: os.listdir(path) if path.endswith("fd")
                  else open(path, "rb").read(8)) for path in paths}},
    sorted(int(name) for name in os.listdir("/proc") if name.isdigit()),
    [name for _, name in socket.if_nameindex()],
    tried(lambda: socket.create_connection(("1.1.1.1", 53), 1)),
    sorted(os.listdir("/dev/pts")),
    len(os.listdir("/proc/self/fd")),
    socket.gethostname(),
    Path("/proc/sys/user/max_user_namespaces").read_text().strip(),
]
"""
    files, processes, interfaces, connection, terminals, fds, host, namespaces = inside(program)
    assert set(files.values()) <= {"ENOENT", "EACCES", "EPERM"}
    assert processes == [1, 2]
    assert interfaces == ["lo"]
    assert connection == "ENETUNREACH"
    assert terminals == ["ptmx"]
    assert fds == 5  # standard ones, the channel, and the one that lists them
    assert host == "sandbox"
    assert namespaces == "0"


def test_loopback_and_a_terminal_work(inside: Callable[..., Any]) -> None:
    program = """
import pty
server = socket.create_server(("127.0.0.1", 0))
client = socket.create_connection(server.getsockname(), 2)
pair = pty.openpty()
answer = [bool(client), len(pair), subprocess.run(["echo", "x"], capture_output=True).returncode]
"""
    assert inside(program) == [True, 2, 0]


def test_only_home_and_temporary_folders_are_writable_and_bounded(
    inside: Callable[..., Any],
) -> None:
    program = """
def write(folder):
    with open(Path(folder) / "grader-was-here", "wb") as file:
        for _ in range(4):
            file.write(bytes(1 << 20)); file.flush()
places = ["/", "/usr", "/etc", "/dev", "/run/grader", sys.prefix, "/proc",
          "/home/student", "/home/student/work", "/tmp", "/dev/shm"]
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
answer = {place: tried(lambda place=place: write(place)) for place in places}
"""
    answer = inside(program)
    for place in ("/home/student", "/home/student/work", "/tmp", "/dev/shm"):
        assert answer.pop(place) in ("ENOSPC", "EFBIG")
    assert set(answer.values()) <= {"EROFS", "EACCES", "ENOENT"}


def test_limits_are_in_force(inside: Callable[..., Any]) -> None:
    program = """
import resource, threading
limits = [resource.getrlimit(getattr(resource, "RLIMIT_" + name))[1]
          for name in ("DATA", "FSIZE", "NPROC", "NOFILE", "CORE")]
def allocate():
    try:
        return len(bytearray(2 << 30))
    except MemoryError:
        return "MemoryError"
started = 0
try:
    while started < 100:
        threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
        started += 1
except RuntimeError:
    pass
answer = [limits, allocate(), 20 < started < 40]
"""
    limits, allocated, bounded = inside(program)
    assert limits == [1 << 30, 1 << 20, 40, 1024, 0]
    assert allocated == "MemoryError"
    assert bounded


def test_the_environment_is_exactly_that_of_the_sandbox(
    inside: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRADER_TEST_SECRET", "canary")
    program = "import torch; answer = [dict(os.environ), os.getcwd(), torch.get_num_threads()]"
    variables, folder, threads = inside(program)
    assert "GRADER_TEST_SECRET" not in variables
    assert variables["OPENBLAS_NUM_THREADS"] == variables["OMP_NUM_THREADS"] == "2"
    assert folder == "/home/student/work"
    assert threads == 2


def test_random_numbers_are_not_those_of_a_neighbour(inside: Callable[..., Any]) -> None:
    program = """
import random, numpy, torch
answer = [random.random(), float(numpy.random.rand()), float(torch.rand(1, dtype=torch.double))]
"""
    for one, other in zip(inside(program), inside(program), strict=True):
        assert one != other


def test_torch_and_numpy_compute_on_several_threads_after_the_fork(
    inside: Callable[..., Any],
) -> None:
    program = """
import numpy, torch
before = len(os.listdir("/proc/self/task"))
x, y = torch.ones(600, 600), numpy.ones((600, 600))
sums = [float((x @ x).sum())]
threads = len(os.listdir("/proc/self/task"))
sums.append(float((y @ y).sum()))
answer = [sums, before, threads, len(os.listdir("/proc/self/task"))]
"""
    sums, before, after_torch, after_numpy = inside(program)
    assert sums == [600.0**3] * 2
    assert 1 == before < after_torch < after_numpy


def test_no_memory_is_shared_with_siblings_for_writing(inside: Callable[..., Any]) -> None:
    program = """
maps = [line.split() for line in Path("/proc/self/maps").read_text().splitlines()]
answer = [words for words in maps if "w" in words[1] and "s" in words[1]]
"""
    assert inside(program) == []


def test_the_submissions_plain_files_arrive_and_no_links(
    inside: Callable[..., Any], tmp_path: Path
) -> None:
    folder = tmp_path / "handed-in"
    (folder / "sub").mkdir(parents=True)
    (folder / "sub" / "hélper.py").write_text("x = 1", "utf-8")
    (folder / "leads-away").symlink_to("/etc/passwd")
    (folder / "folder-away").symlink_to("/etc")
    os.mkfifo(folder / "pipe")
    program = """
answer = {str(p.relative_to(Path.cwd())): p.read_text() if p.is_file() else ""
          for p in Path.cwd().rglob("*")}
Path("sub/hélper.py").write_text("mine")
"""
    assert inside(program, submission=folder) == {"sub": "", "sub/hélper.py": "x = 1"}
    assert (folder / "sub" / "hélper.py").read_text("utf-8") == "x = 1"


def test_a_submission_beyond_the_disk_limit_is_refused_by_name(
    inside: Callable[..., Any], tmp_path: Path
) -> None:
    (tmp_path / "large").write_bytes(bytes((1 << 20) + 1))
    with pytest.raises(InfrastructureError, match="more than 1 MiB"):
        inside("answer = 1", submission=tmp_path)


def test_nothing_of_one_sandbox_is_left_for_the_next(inside: Callable[..., Any]) -> None:
    leaving = """
import builtins, socket, torch, numpy
for place in ("/tmp", "/dev/shm", "/home/student", "/home/student/work"):
    Path(place, "left").write_text("mine")
builtins.left = torch.left = numpy.left = 1
os.environ["LEFT"] = "1"
listener = socket.socket(socket.AF_UNIX); listener.bind("\\0left"); listener.listen()
if os.fork() == 0:
    os.setsid(); time.sleep(60)
answer = "left"
"""
    looking = """
import builtins, torch, numpy
answer = [
    [place for place in ("/tmp", "/dev/shm", "/home/student", "/home/student/work")
     if Path(place, "left").exists()],
    [hasattr(module, "left") for module in (builtins, torch, numpy)],
    "LEFT" in os.environ,
    tried(lambda: socket.socket(socket.AF_UNIX).connect("\\0left")),
    len([name for name in os.listdir("/proc") if name.isdigit()]),
]
"""
    assert inside(leaving) == "left"
    assert inside(looking) == [[], [False] * 3, False, "ECONNREFUSED", 2]


def test_a_neighbour_that_runs_cannot_be_seen_or_reached(start: Callable[..., Any]) -> None:
    waiting = """
Path("/tmp/mine").write_text("mine"); Path("/dev/shm/mine").write_text("mine")
listener = socket.socket(socket.AF_UNIX); listener.bind("\\0mine"); listener.listen()
stream.send(b"up"); time.sleep(60)
"""
    looking = """
answer = [Path("/tmp/mine").exists(), Path("/dev/shm/mine").exists(),
          tried(lambda: socket.socket(socket.AF_UNIX).connect("\\0mine")),
          [name for name in os.listdir("/proc") if name.isdigit()]]
"""
    with start(waiting) as neighbour:
        neighbour.await_word()
        with start(looking) as running:
            assert running.answer() == [False, False, "ECONNREFUSED", ["1", "2"]]
        assert neighbour.process.poll() is None
