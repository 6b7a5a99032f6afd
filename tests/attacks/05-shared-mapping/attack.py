# %% right
# %%
import mmap
import time

held = mmap.mmap(-1, 1500 << 20)
for start in range(0, len(held), 4096):
    held[start] = 1
time.sleep(4)
