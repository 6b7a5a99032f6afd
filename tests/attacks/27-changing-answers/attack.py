# %% right
# %%
import threading
import time

factor = 2


def double(x):
    time.sleep(0.02)
    return factor * x


def change():
    global factor
    while True:
        factor += 1
        time.sleep(0.005)


threading.Thread(target=change, daemon=True).start()
