# %% right
# %%
def scale(values):
    return [object(), torch.nn.Linear(1, 1), "2"]
