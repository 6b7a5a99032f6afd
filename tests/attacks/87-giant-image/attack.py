# %% right
# %%
import struct
import zlib

from IPython.display import Image, display


def chunk(kind, data):
    body = kind + data
    return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))


def png(width, height, data):
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", data) + chunk(b"IEND", b"")


display(Image(data=png(16_000, 16_000, zlib.compress(bytes(2001 * 16_000), 9))))
display(Image(data=png(1 << 30, 1 << 30, zlib.compress(b"x"))))
# %%
display({"image/png": "A" * (4 << 20)}, raw=True)
