# %% right
# %%
import os
import signal
import time

if os.fork() == 0:
    os.setsid()
    for number in range(1, 32):
        try:
            signal.signal(number, signal.SIG_IGN)
        except (OSError, ValueError):
            pass
    if os.fork() == 0:
        os.closerange(0, 1024)
        time.sleep(1000)
    os._exit(0)
print("TRIED")
