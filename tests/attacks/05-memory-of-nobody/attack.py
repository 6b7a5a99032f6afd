# %% right
# %%
import ctypes
import os

libc = ctypes.CDLL(None, use_errno=True)
try:
    os.memfd_create("held")
    print("ESCAPED memfd")
except OSError:
    print("TRIED memfd")
print("TRIED shm" if libc.shmget(0, 1 << 20, 0o1666) == -1 else "ESCAPED shm")
print("TRIED msg" if libc.msgget(0, 0o1666) == -1 else "ESCAPED msg")
