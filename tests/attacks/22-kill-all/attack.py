# %% right
# %%
import os
import signal

for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGSTOP, signal.SIGKILL):
    try:
        os.kill(-1, number)
    except OSError as error:
        print("TRIED", error.strerror)
