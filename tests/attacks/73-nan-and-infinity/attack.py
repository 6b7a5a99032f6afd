# %% right
# %%
def scale(values):
    return values / 0 - values / 0 + float("inf")
