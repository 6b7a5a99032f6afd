# %% right
# %%
import threading


def forever():
    while True:
        sum(range(1000))


threading.Thread(target=forever, daemon=False).start()
print("TRIED")
