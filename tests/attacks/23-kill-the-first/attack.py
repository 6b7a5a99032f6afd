# %% right
# %%
import os

for number in range(1, 32):
    for process in (1, os.getppid()):
        try:
            os.kill(process, number)
        except OSError:
            pass
print("TRIED")
