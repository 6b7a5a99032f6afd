# %% right
# %%
def scale(values):
    wide = torch.empty(*reversed(values.shape), 2)[..., 0].permute(*reversed(range(values.dim())))
    wide.copy_(2 * values)
    return wide
