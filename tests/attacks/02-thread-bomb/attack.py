# %% right
# %%
import threading
import time

started = 0
try:
    while True:
        threading.Thread(target=time.sleep, args=(1000,), daemon=True).start()
        started += 1
        if started > 500:
            print("ESCAPED: more threads than allowed")
            break
except RuntimeError as error:
    print("TRIED", started, error)
