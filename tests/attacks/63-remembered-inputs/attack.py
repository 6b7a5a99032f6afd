# %% right
# %%
seen = []


def scale(values):
    seen.append(values.clone())
    return seen[0]
