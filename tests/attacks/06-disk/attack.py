# %% right
# %%
import os

for place in (".", os.environ["HOME"], "/tmp", "/dev/shm", "/var/tmp", "/run"):
    written = 0
    try:
        for number in range(64):
            with open(f"{place}/pwned{number}", "wb", buffering=0) as file:
                written += file.write(bytes(1 << 20))
    except OSError as error:
        print("TRIED", place, written >> 20, error.strerror)
    if written > 9 << 20:
        print("ESCAPED", place, written >> 20)
