# %% right
# %%
import os

written = 0
try:
    for number in range(64):
        with open(f"/dev/shm/pwned{number}", "wb", buffering=0) as file:
            written += file.write(bytes(1 << 20))
    print("ESCAPED")
except OSError as error:
    print("TRIED", written, error.strerror)
