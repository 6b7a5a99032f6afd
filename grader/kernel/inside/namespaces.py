"""Fresh namespaces for a process that was forked, not started: a sandbox inside a sandbox.

Python has no calls for these before 3.12, so they go through libc.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import socket
import struct
import sys
from collections.abc import Sequence
from pathlib import Path

# Who the student is inside; stands for the single user that exists there.
STUDENT = 1000

_NEW_NAMESPACES = (
    0x00020000  # mount
    | 0x02000000  # cgroup
    | 0x04000000  # uts
    | 0x08000000  # ipc
    | 0x10000000  # user
    | 0x20000000  # pid
    | 0x40000000  # net
)
_MS_NOSUID, _MS_NODEV, _MS_NOEXEC = 2, 4, 8
_MS_BIND_ALL = 4096 | 16384  # with what is mounted below, such as the covers of grader's own code
_MS_REC_PRIVATE = 0x4000 | 1 << 18
_PR_SET_DUMPABLE, _PR_SET_SECCOMP, _PR_CAPBSET_DROP, _PR_SET_NO_NEW_PRIVS = 4, 22, 24, 38
_SECCOMP_MODE_FILTER = 2
_CAPABILITIES_V3 = 0x20080522
_SIOCSIFFLAGS, _IFF_UP, _IFF_LOOPBACK = 0x8914, 0x1, 0x8
# A file takes memory of the host's kernel even when it is empty.
_FILES = 100_000


def isolate() -> None:
    """Moves the process into new namespaces; the next child is the first process in them.

    Raises:
        OSError: the system denies one of them.
    """
    user, group = os.geteuid(), os.getegid()
    _succeed("unshare", _libc.unshare(_NEW_NAMESPACES))
    Path("/proc/self/setgroups").write_text("deny", "ascii")
    Path("/proc/self/uid_map").write_text(f"{STUDENT} {user} 1", "ascii")
    Path("/proc/self/gid_map").write_text(f"{STUDENT} {group} 1", "ascii")


def furnish(places: Sequence[str], size_bytes: int, kept: Sequence[str] = ()) -> None:
    """Covers all that could be shared with a neighbour; called by the first process inside.

    The system, the library and the data stay in view as the outer sandbox shows them: read-only.

    Args:
        places: folders that become empty and writable.
        size_bytes: that each of them may hold.
        kept: folders below the places that stay in view, such as an interpreter below /tmp.

    Raises:
        OSError: the system denies one of the mounts.
    """
    mount("none", "/", "", _MS_REC_PRIVATE)
    held = {folder: os.open(folder, os.O_PATH | os.O_DIRECTORY) for folder in kept}
    mount_processes()
    Path("/proc/sys/user/max_user_namespaces").write_text("0", "ascii")
    options = f"size={size_bytes},nr_inodes={_FILES},mode=0700,uid={STUDENT},gid={STUDENT}"
    for place in places:
        mount("tmpfs", place, "tmpfs", _MS_NOSUID | _MS_NODEV, options)
    for folder, fd in held.items():
        Path(folder).mkdir(parents=True)
        mount(f"/proc/self/fd/{fd}", folder, "", _MS_BIND_ALL)
        os.close(fd)
    terminals = "newinstance,ptmxmode=0666,mode=0620"
    mount("devpts", "/dev/pts", "devpts", _MS_NOSUID | _MS_NOEXEC, terminals)
    name = b"sandbox"
    _succeed("sethostname", _libc.sethostname(name, len(name)))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        request = struct.pack("16sh14x", b"lo", _IFF_UP | _IFF_LOOPBACK)
        fcntl.ioctl(control, _SIOCSIFFLAGS, request)


def mount_processes() -> None:
    """Shows at /proc the processes of the caller's own namespace and no others.

    Raises:
        OSError: the system denies it.
    """
    mount("proc", "/proc", "proc", _MS_NOSUID | _MS_NODEV | _MS_NOEXEC)


def confine(program: bytes) -> None:
    """Gives up every capability and every system call that the filter denies, for good.

    Args:
        program: seccomp filter, compiled: 8 bytes per instruction.
    """
    for capability in range(int(Path("/proc/sys/kernel/cap_last_cap").read_text("ascii")) + 1):
        _prctl(_PR_CAPBSET_DROP, capability)
    header = struct.pack("Ii", _CAPABILITIES_V3, 0)
    _succeed("capset", _libc.capset(header, bytes(24)))
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)
    instructions = ctypes.create_string_buffer(program, len(program))
    described = _Filter(len(program) // 8, ctypes.cast(instructions, ctypes.c_void_p))
    _prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.addressof(described))


def set_dumpable(dumpable: bool) -> None:
    """Whether others of the same user may read this process's memory and descriptors."""
    _prctl(_PR_SET_DUMPABLE, int(dumpable))


def mount(source: str, target: str, kind: str, flags: int, options: str = "") -> None:
    """The system call.

    Raises:
        OSError: the system denies it.
    """
    result = _libc.mount(
        source.encode(), target.encode(), kind.encode(), ctypes.c_ulong(flags), options.encode()
    )
    _succeed(f"mount {kind} at {target}", result)


class _Filter(ctypes.Structure):
    """`struct sock_fprog` of linux/filter.h."""

    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_void_p))


_libc = ctypes.CDLL(None, use_errno=True)


def _prctl(option: int, *arguments: int) -> None:
    wide = [ctypes.c_ulong(value) for value in (*arguments, 0, 0, 0, 0)[:4]]
    _succeed(f"prctl {option}", _libc.prctl(option, *wide))


def _succeed(what: str, result: int) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{os.strerror(number)} ({what})")


def main() -> None:
    """Tries whether one sandbox inside another can be made here; status 0 when it can."""
    if os.geteuid() == 0:
        settle(int(sys.argv[1]))
    isolate()
    first = os.fork()
    if first:
        os._exit(os.waitstatus_to_exitcode(os.waitpid(first, 0)[1]))
    furnish(["/tmp"], 1 << 20)  # noqa: S108  inside the sandbox


def settle(user: int) -> None:
    """Becomes an ordinary user in the outer sandbox, which still has what it takes to.

    bubblewrap covers parts of /proc for root, and the system allows no fresh one behind that.

    Args:
        user: id, of the group too.
    """
    mount_processes()
    os.setgroups([])
    os.setresgid(user, user, user)
    os.setresuid(user, user, user)
    # A change of user takes away the right to write one's own id map.
    set_dumpable(True)


if __name__ == "__main__":
    main()
