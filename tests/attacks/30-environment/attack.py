# %% right
# %%
import os

print("TRIED", dict(os.environ))
print(open("/proc/self/environ").read())
