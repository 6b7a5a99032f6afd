# %% right
# %%
def scale(values):
    return torch.zeros(0, 1 << 40)
