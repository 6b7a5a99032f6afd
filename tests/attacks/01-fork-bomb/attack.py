# %% right
# %%
import os
import time

forked = 0
try:
    while True:
        if os.fork() == 0:
            while True:
                try:
                    os.fork()
                except OSError:
                    time.sleep(0.2)
        forked += 1
        if forked > 500:
            print("ESCAPED: more processes than allowed")
            break
except OSError as error:
    print("TRIED", forked, error)
