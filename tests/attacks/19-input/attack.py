# %% right
# %%
name = input("Who is there? ")
