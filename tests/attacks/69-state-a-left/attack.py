# %% right
# %%
import builtins
import os
import sys
import tempfile

import numpy as np

for place in ("/tmp", "/dev/shm", os.environ["HOME"], ".", tempfile.gettempdir()):
    with open(f"{place}/left-by-69", "w") as file:
        file.write("LEFT")
builtins.left_by_69 = torch.left_by_69 = np.left_by_69 = sys.left_by_69 = "LEFT"
torch.set_default_dtype(torch.float64)
torch.set_num_threads(3)
np.seterr(all="raise")
torch.Tensor.__mul__ = torch.Tensor.__rmul__ = lambda self, other: self
print("TRIED")
