# %% right
# %%
import os
import time

for _ in range(6):
    if os.fork() == 0:
        held = bytearray(b"x") * (280 << 20)
        time.sleep(1000)
time.sleep(8)
