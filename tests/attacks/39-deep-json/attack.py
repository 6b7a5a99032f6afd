# %% right
# %%
from IPython import get_ipython

kernel = get_ipython().kernel
session = kernel.session
header = session.pack(session.msg_header("stream"))
deep = b"[" * 100_000 + b"]" * 100_000
content = b'{"name": "stdout", "text": ' + deep + b"}"
parts = [header, b"{}", b"{}", content]
kernel.iopub_socket.send_multipart([b"stream", b"<IDS|MSG>", session.sign(parts), *parts])
