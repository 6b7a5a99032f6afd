# %% right
# %%
def scale(values):
    return (2 * values)[None]
