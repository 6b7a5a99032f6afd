# %% right
# %%
try:
    at_once = bytearray(8 << 30)
    print("ESCAPED")
except MemoryError:
    print("TRIED at once")
# %%
held = []
while len(held) < 400:
    held.append(bytes(16 << 20))
