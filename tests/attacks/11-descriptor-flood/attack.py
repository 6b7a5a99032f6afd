# %% right
# %%
import os

for number in (1, 2):
    written = 0
    try:
        while written < 16 << 20:
            written += os.write(number, b"y" * (1 << 20))
    except OSError as error:
        print("TRIED", number, written, error.strerror)
