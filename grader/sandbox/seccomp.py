"""System calls that no notebook needs and that widen the attack surface of the host."""

from __future__ import annotations

import errno
import socket
from typing import IO

import pyseccomp

# Each is a door to the host's kernel or to other processes; a denied call fails with EPERM.
_DENIED = (
    *("ptrace", "process_vm_readv", "process_vm_writev", "pidfd_getfd", "kcmp"),
    *("mount", "umount2", "pivot_root", "chroot", "move_mount", "open_tree", "mount_setattr"),
    *("fsopen", "fsmount", "fsconfig", "fspick", "unshare", "setns"),
    *("bpf", "perf_event_open", "userfaultfd", "keyctl", "add_key", "request_key"),
    *("io_uring_setup", "io_uring_enter", "io_uring_register"),
    *("init_module", "finit_module", "delete_module", "kexec_load", "kexec_file_load"),
    *("open_by_handle_at", "name_to_handle_at", "quotactl", "swapon", "swapoff", "reboot"),
    *("syslog", "acct", "settimeofday", "clock_settime", "adjtimex", "clock_adjtime"),
    # Memory that belongs to no process escapes a watchdog which adds up processes.
    *("memfd_create", "memfd_secret", "shmget", "msgget", "mq_open"),
    *("personality", "sethostname", "setdomainname", "vhangup", "iopl", "ioperm"),
)
_CLONE_NAMESPACES = 0x7E020000  # CLONE_NEW*: cgroup, uts, ipc, user, pid, net, mount
_TIOCSTI = 0x5412
# The kernel of a notebook uses unix sockets, and libzmq aborts without the other three.
_FAMILIES = (socket.AF_UNIX, socket.AF_INET, socket.AF_INET6, socket.AF_NETLINK)


def write_filter(target: IO[bytes]) -> None:
    """Writes the compiled filter, as bubblewrap's `--seccomp` reads it."""
    program = pyseccomp.SyscallFilter(pyseccomp.ALLOW)
    denied = pyseccomp.ERRNO(errno.EPERM)
    # The default, for calls as 32-bit programs make them, ends one thread and leaves the process
    # hanging until its deadline.
    program.set_attr(pyseccomp.Attr.ACT_BADARCH, denied)
    for name in _DENIED:
        # A call that this architecture does not have needs no rule.
        if pyseccomp.resolve_syscall(pyseccomp.system_arch(), name) >= 0:
            program.add_rule(denied, name)
    for bit in range(32):
        if _CLONE_NAMESPACES >> bit & 1:
            mask = 1 << bit
            program.add_rule(denied, "clone", pyseccomp.Arg(0, pyseccomp.MASKED_EQ, mask, mask))
    # clone3 hides its flags in memory; libc falls back to clone when it does not exist.
    program.add_rule(pyseccomp.ERRNO(errno.ENOSYS), "clone3")
    # The host's kernel reads 32 bits of the request, so the other 32 must not matter here.
    tiocsti = pyseccomp.Arg(1, pyseccomp.MASKED_EQ, 0xFFFFFFFF, _TIOCSTI)
    program.add_rule(denied, "ioctl", tiocsti)
    # A network namespace holds neither vsock, which leads to a virtual machine's host, nor AF_ALG.
    families = range(max(_FAMILIES) + 1)
    for call in ("socket", "socketpair"):
        for family in set(families) - set(_FAMILIES):
            program.add_rule(denied, call, pyseccomp.Arg(0, pyseccomp.EQ, family))
        program.add_rule(denied, call, pyseccomp.Arg(0, pyseccomp.GT, max(_FAMILIES)))
    program.export_bpf(target)
