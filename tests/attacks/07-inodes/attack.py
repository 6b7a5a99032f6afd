# %% right
# %%
import os

made = 0
try:
    while made < 150_000:
        os.close(os.open(f"/tmp/pwned{made}", os.O_CREAT | os.O_WRONLY))
        made += 1
    print("ESCAPED", made)
except OSError as error:
    print("TRIED", made, error.strerror)
