# %% right
# %%
from IPython import get_ipython

socket = get_ipython().kernel.iopub_socket
for parts in (
    [b"stream", b"<IDS|MSG>", b"", b"{}", b"{}", b"{}", b"{}"],
    [b"stream", b"<IDS|MSG>", b"wrong", b"{}", b"{}", b"{}", b"{}"],
    [b"stream", b"<IDS|MSG>"],
    [b"no delimiter at all"],
    [b""],
):
    socket.send_multipart(parts)
