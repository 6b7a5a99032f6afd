# %% right
# %%
def scale(values):
    return values.mul_(2)
