# %% right
# %%
def predict(bits):
    return torch.full((len(bits),), 40.0)
