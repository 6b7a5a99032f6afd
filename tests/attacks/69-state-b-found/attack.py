# %% right
# %%
import builtins
import glob
import os
import sys

import numpy as np

for module in (builtins, torch, np, sys):
    if hasattr(module, "left_by_69"):
        print("ESCAPED", module)
for place in ("/tmp", "/dev/shm", os.environ["HOME"], "."):
    if glob.glob(f"{place}/left-by-69"):
        print("ESCAPED", place)
if torch.get_default_dtype() != torch.float32:
    print("ESCAPED dtype")
print("TRIED")
