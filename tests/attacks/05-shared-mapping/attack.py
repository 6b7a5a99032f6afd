# %% right
# %%
import mmap
import time

held = mmap.mmap(-1, 1500 << 20)
for _ in range(1500):
    held.write(bytes(1 << 20))
time.sleep(4)
