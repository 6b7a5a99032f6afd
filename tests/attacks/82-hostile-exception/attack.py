# %% right
# %%
text = "<script>alert(1)</script>\x1b[31m\n\n\x00\ud800" + "y" * 5_000_000
Hostile = type("<script>alert(2)</script>\x1b]0;title\x07", (Exception,), {})


def scale(values):
    raise Hostile(text) from Hostile(text)
