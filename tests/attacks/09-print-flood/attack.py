# %% right
# %%
for _ in range(500):
    print("x" * 10_000)
