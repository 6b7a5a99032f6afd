# %% right
# %%
def scale(values):
    return torch.quantize_per_tensor(2 * values, 0.1, 0, torch.qint8)
