# %% right
# %%
print("x" * (20 << 20))
# %%
print("after it")
