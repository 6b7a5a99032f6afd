# %% right
# %%
import os
import sys

os.close(1)
os.close(2)
sys.stdout.close()
sys.stderr.close()
