# %% right
# %%
import socket

for family, kind, address in (
    (socket.AF_INET, socket.SOCK_STREAM, ("192.0.2.1", 80)),
    (socket.AF_INET, socket.SOCK_DGRAM, ("192.0.2.1", 53)),
    (socket.AF_INET, socket.SOCK_STREAM, ("169.254.169.254", 80)),
    (socket.AF_INET6, socket.SOCK_STREAM, ("2001:db8::1", 80)),
):
    try:
        with socket.socket(family, kind) as probe:
            probe.settimeout(1)
            probe.connect(address)
            print("ESCAPED", address)
    except OSError as error:
        print("TRIED", address, error)
try:
    print("ESCAPED", socket.getaddrinfo("example.org", 80))
except OSError as error:
    print("TRIED names", error)
for family in (17, 38, 40):  # packets, the kernel's ciphers, a virtual machine's host
    try:
        socket.socket(family, socket.SOCK_STREAM)
        print("ESCAPED family", family)
    except OSError as error:
        print("TRIED family", family, error)
