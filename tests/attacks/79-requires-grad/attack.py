# %% right
# %%
def scale(values):
    return (2 * values).requires_grad_()
