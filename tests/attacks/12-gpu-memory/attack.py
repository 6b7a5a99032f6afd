# %% right
# %%
import pathlib

import torch

taken = []
try:
    while True:
        taken.append(torch.empty(1 << 28, dtype=torch.uint8, device="cuda"))
except (AssertionError, RuntimeError) as error:
    if not taken and not list(pathlib.Path("/dev").glob("nvidia*")):
        print("no GPU is in view:", str(error)[:80])
