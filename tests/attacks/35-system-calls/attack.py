# %% right
# %%
import ctypes
import platform

libc = ctypes.CDLL(None, use_errno=True)
assert platform.machine() in ("x86_64", "aarch64")
numbers = {
    "unshare": (272, 97, 0x10000000),
    "mount": (165, 40, 0),
    "ptrace": (101, 117, 0),
    "bpf": (321, 280, 0),
    "io_uring_setup": (425, 425, 8),
    "keyctl": (250, 219, 0),
    "add_key": (248, 217, 0),
    "perf_event_open": (298, 241, 0),
    "userfaultfd": (323, 282, 0),
    "setns": (308, 268, 0),
    "pidfd_getfd": (438, 438, 0),
    "memfd_secret": (447, 447, 0),
    "open_tree": (428, 428, 0),
    "fsopen": (430, 430, 0),
}
for name, (intel, arm, argument) in numbers.items():
    number = intel if platform.machine() == "x86_64" else arm
    answer = libc.syscall(number, argument, 0, 0, 0, 0)
    said = ctypes.get_errno()
    # What is denied says so: EPERM, or ENOSYS where the machine has no such call.
    print("TRIED" if answer == -1 and said in (1, 38) else "ESCAPED", name, answer, said)
