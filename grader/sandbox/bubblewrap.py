"""Tier `bwrap`: a process in fresh namespaces with a read-only system and no network."""

from __future__ import annotations

import ctypes
import importlib.util
import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from grader.sandbox.spec import (
    DATA,
    HOME,
    LIBRARY,
    PLACES,
    SUBMISSION,
    WORK,
    Sandbox,
    boot_command,
    environment,
)

# Packages whose sources a student must not read, wherever they are installed.
_SECRET = ("grader", "reference", "assignments", "reports")
_INSTALL = "install it (Debian, Ubuntu: apt-get install bubblewrap) and run `grader doctor`"
FIRST_UID = 60_000


class Bubblewrap:
    """Unprivileged namespaces through bubblewrap; as root, another user id instead."""

    name = "bwrap"
    keeper = True

    def problem(self) -> str | None:
        """Why it cannot be used here; None when a sandboxed `true` succeeds."""
        if sys.platform != "linux":
            return "bubblewrap needs Linux"
        if shutil.which("bwrap") is None:
            return f"bubblewrap is not installed: {_INSTALL}"
        tried = subprocess.run(
            ["bwrap", *_namespaces(), "--ro-bind", "/", "/", "true"],
            capture_output=True,
            text=True,
            check=False,
        )
        if tried.returncode == 0:
            return None
        reason = (tried.stderr.strip().splitlines() or ["no reason given"])[-1]
        return (
            f"bubblewrap cannot create namespaces ({reason}): allow unprivileged user namespaces "
            "(Ubuntu 24.04: an AppArmor profile for /usr/bin/bwrap with `userns,`)"
        )

    def prepare(self, sandbox: Sandbox, *, wait: bool = True) -> None:
        """Nothing is shared: every process starts from nothing."""

    def release(self) -> None:
        """Nothing was prepared."""

    def start(
        self, sandbox: Sandbox, settings: dict[str, Any], pass_fds: Sequence[int], log: int
    ) -> subprocess.Popen[bytes]:
        """Starts `boot.py` in a sandbox that ends with the calling process."""
        from grader.sandbox import seccomp  # its library exists on Linux only

        submission = SUBMISSION if sandbox.submission else None
        lifeline, held = multiprocessing.Pipe(duplex=False)
        settings = {**settings, "lifeline_fd": lifeline.fileno()}
        with tempfile.TemporaryFile() as program, lifeline:
            seccomp.write_filter(program)
            program.seek(0)
            return _Tied(
                held,
                [
                    *_command(sandbox),
                    "--seccomp",
                    str(program.fileno()),
                    "--",
                    *boot_command(LIBRARY, settings, sandbox, submission, _user_id(sandbox)),
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=(*pass_fds, program.fileno(), lifeline.fileno()),
                env={},
                cwd="/",
                start_new_session=True,
                preexec_fn=_dies_with(os.getpid()),
            )


class _Tied(subprocess.Popen[bytes]):
    """A sandbox that can tell whether the process that started it is still there.

    Args:
        held: the other end of what the sandbox looks at; goes with this process.
        *args: of `Popen`.
        **options: likewise.
    """

    def __init__(self, held: Connection, *args: Any, **options: Any) -> None:
        self._held = held
        super().__init__(*args, **options)


def _dies_with(parent: int) -> Callable[[], None]:
    """Has a new process killed with the one that starts it, before it becomes bubblewrap.

    bubblewrap asks for the same once it runs. A driver that is killed before that would leave a
    sandbox behind that nobody ends. Between the two, bubblewrap forks once more without a wish of
    its own: what it starts in there looks at its lifeline.
    """
    prctl, pr_set_pdeathsig = ctypes.CDLL(None).prctl, 1

    def ask() -> None:
        prctl(pr_set_pdeathsig, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)

    return ask


def _user_id(sandbox: Sandbox) -> int | None:
    """The user that the process becomes when the grader runs as root; None when it does not.

    A limit on processes is ignored for root and counted per user, so each slot has its own.
    """
    return FIRST_UID + sandbox.slot if os.geteuid() == 0 else None


def interpreter_folders() -> list[str]:
    """Where the interpreter and its packages stand, beside /usr; an outer folder comes first."""
    prefixes = sorted({sys.base_prefix, sys.prefix}, key=len)
    return [prefix for prefix in prefixes if not Path(prefix).is_relative_to("/usr")]


def nesting_command(sandbox: Sandbox) -> list[str]:
    """A bubblewrap for a process that makes sandboxes itself and may outlive the caller."""
    denied = ("--die-with-parent", "--disable-userns")
    # With the first process of a namespace goes everything in it.
    options = [*(o for o in _command(sandbox) if o not in denied), "--as-pid-1"]
    return [*options, "--cap-add", "CAP_SYS_ADMIN"] if os.geteuid() == 0 else options


def _command(sandbox: Sandbox) -> list[str]:
    # Writable places first: an interpreter that stands below one of them is bound on top.
    places = [*_writable(sandbox), *_system(), *_given(sandbox)]
    return ["bwrap", *_namespaces(), *places, *_variables(sandbox)]


def _namespaces() -> list[str]:
    shared = [
        *("--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts"),
        *("--unshare-cgroup-try", "--die-with-parent", "--new-session", "--hostname", "sandbox"),
    ]
    if os.geteuid() == 0:
        # Root needs no user namespace. boot.py gives both capabilities up with the user id.
        return [*shared, "--cap-drop", "ALL", "--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"]
    return [*shared, "--unshare-user", "--disable-userns", "--uid", "1000", "--gid", "1000"]


def _parents(path: str) -> Iterator[str]:
    # bubblewrap makes missing parents for its own user alone; the student is another one.
    for parent in reversed(Path(path).parents[:-1]):
        yield from ("--perms", "0755", "--dir", str(parent))


def _bind(source: str | Path, target: str | Path) -> Iterator[str]:
    yield from _parents(str(target))
    yield from ("--ro-bind", str(source), str(target))


def _writable(sandbox: Sandbox) -> Iterator[str]:
    yield from ("--proc", "/proc", "--dev", "/dev", *_gpu(sandbox))
    disk = str(sandbox.limits.disk)
    for path in PLACES:
        yield from _parents(path)
        yield from ("--perms", "1777", "--size", disk, "--tmpfs", path)
    yield from ("--perms", "1777", "--dir", WORK)


def _gpu(sandbox: Sandbox) -> Iterator[str]:
    """The driver's nodes of one GPU; those of its neighbours are not there."""
    if sandbox.gpu is not None:
        for name in ("nvidiactl", "nvidia-uvm", f"nvidia{sandbox.gpu}"):
            yield from ("--dev-bind-try", f"/dev/{name}", f"/dev/{name}")


def _system() -> Iterator[str]:
    """The operating system and the interpreter, read-only; nothing of grader itself."""
    yield from ("--ro-bind", "/usr", "/usr")
    for folder in ("/bin", "/lib", "/lib64", "/sbin"):
        yield from _like_host(Path(folder))
    for path in ("/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d", "/etc/fonts"):
        yield from _parents(path)
        yield from ("--ro-bind-try", path, path)
    for prefix in interpreter_folders():
        yield from _bind(prefix, prefix)
    for secret in _secret_folders():
        yield from ("--tmpfs", secret)


def _like_host(path: Path) -> Iterator[str]:
    if path.is_symlink():
        yield from ("--symlink", str(path.readlink()), str(path))
    elif path.is_dir():
        yield from ("--ro-bind", str(path), str(path))


def _secret_folders() -> Iterator[str]:
    visible = tuple(Path(prefix) for prefix in ("/usr", sys.base_prefix, sys.prefix))
    for name in _SECRET:
        spec = importlib.util.find_spec(name)
        for folder in () if spec is None else spec.submodule_search_locations or ():
            if any(Path(folder).is_relative_to(prefix) for prefix in visible):
                yield folder


def _given(sandbox: Sandbox) -> Iterator[str]:
    yield from _bind(sandbox.library, LIBRARY)
    if sandbox.submission is not None:
        yield from _bind(sandbox.submission, SUBMISSION)
    for name, file in sandbox.data:
        yield from _bind(file, f"{DATA}/{name}")
    # Without root the student is the user that owns these; a device stays writable all the same.
    yield from ("--remount-ro", "/", "--remount-ro", "/dev", "--chdir", WORK)


def _variables(sandbox: Sandbox) -> Iterator[str]:
    yield "--clearenv"
    for name, value in environment(sandbox, HOME, DATA).items():
        yield from ("--setenv", name, value)
