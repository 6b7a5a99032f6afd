"""A process that has imported what notebooks import, and is forked for every sandbox.

It runs in a sandbox of its own and holds nothing but the system, the staged library and the
training data. It reads no request itself: that is left to the fork, so that nothing of one
submission is in the memory that the next one starts from.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import select
import signal
import socket
import sys
import traceback
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from grader.kernel.inside import boot
from grader.kernel.inside.forked import become
from grader.kernel.inside.huge_pages import collapse
from grader.kernel.inside.namespaces import settle

READY = b"ready"
# Imports that take longer than this never end; nothing must be left waiting for them.
_IMPORT_SECONDS = 300
# Huge pages take a second to make and save 0.04 s for each fork, so they pay where as many forks
# follow as there have been. Those before keep the small ones, which nobody shares any more then.
_MANY = 32
_IMPORTED = (
    *("numpy", "torch", "torch.distributions", "torch.optim", "torch.utils.data"),
    "torch._dynamo",  # the first step of any optimiser imports it: 1.6 s
    *("matplotlib.pyplot", "matplotlib.backends.backend_agg", "PIL.Image", "safetensors.numpy"),
    *("ipykernel.kernelapp", "ipykernel.ipkernel", "ipykernel.zmqshell", "ipykernel.debugger"),
    *("ipykernel.heartbeat", "IPython.core.completerlib", "IPython.core.debugger"),
    *("IPython.core.historyapp", "IPython.core.oinspect", "IPython.core.pylabtools"),
    *("IPython.core.logger", "faulthandler", "PIL.BmpImagePlugin", "PIL.GifImagePlugin"),
    *("PIL.JpegImagePlugin", "PIL.PpmImagePlugin"),
    *("IPython.extensions.storemagic", "tornado.platform.asyncio", "psutil", "pexpect"),
    *("grader.kernel.inside.kernel", "grader.kernel.inside.definitions"),
    "grader.kernel.inside.probe",
)


def main() -> None:
    """Imports, then forks for each connection until nobody holds the zygote any more."""
    settings = json.loads(sys.argv[1])
    # Without a handler, no signal from inside reaches the first process of a namespace.
    signal.signal(signal.SIGALRM, lambda *_: os._exit(1))
    signal.alarm(_IMPORT_SECONDS)
    if settings["user_id"] is not None:
        settle(settings["user_id"])
    # Nothing of what is imported is garbage; looking for it takes a sixth of the time.
    gc.disable()
    boot.fill_font_cache()
    _import(_IMPORTED)
    _make_kernel()
    signal.alarm(0)
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    _end_threads()
    gc.enable()
    gc.collect()
    gc.freeze()
    holders, requests = (socket.socket(fileno=fd) for fd in settings["listener_fds"])
    program = bytes.fromhex(settings["filter"])
    _Zygote(holders, requests, settings["caller"], program).serve()


def _import(names: Iterable[str]) -> None:
    for name in names:
        with suppress(ImportError):  # a notebook that needs it will say so itself
            importlib.import_module(name)


def _make_kernel() -> None:
    from grader.kernel.inside.kernel import make_kernel  # within the time that imports have

    make_kernel()


def _end_threads() -> None:
    # OpenBLAS starts threads at its import, ends them at a fork, and misses them when it computes.
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)


class _Zygote:
    def __init__(
        self, holders: socket.socket, requests: socket.socket, caller: int, program: bytes
    ) -> None:
        self._holders = holders
        self._requests = requests
        self._caller = caller
        self._program = program
        self._held: dict[int, socket.socket] = {}
        self._forked = 0

    def serve(self) -> None:
        """Returns when the last holder has hung up.

        This is the first process of its namespace, so every sandbox ends with it.
        """
        # Ended processes need no burial: each sandbox tells its own end.
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        waiting = select.poll()
        waiting.register(self._holders, select.POLLIN)
        waiting.register(self._requests, select.POLLIN)
        while True:
            for fd, _ in waiting.poll():
                if fd == self._requests.fileno():
                    self._fork()
                elif fd == self._holders.fileno():
                    if (holder := self._accept(self._holders)) is not None:
                        self._held[holder.fileno()] = holder
                        waiting.register(holder, select.POLLIN)
                        holder.send(READY)
                else:
                    waiting.unregister(fd)
                    self._held.pop(fd).close()
                    if not self._held:
                        return

    def _accept(self, listener: socket.socket) -> socket.socket | None:
        """A connection, unless somebody else on this machine has found the name."""
        connection, _ = listener.accept()
        credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
        if int.from_bytes(credentials[4:8], sys.byteorder) == self._caller:
            return connection
        connection.close()
        return None

    def _fork(self) -> None:
        connection = self._accept(self._requests)
        if connection is None:
            return
        _require_one_thread()
        self._forked += 1
        if self._forked == _MANY:
            collapse()
        if os.fork() == 0:
            try:
                self._forget()
                become(connection, self._program)
            except BaseException:  # noqa: BLE001  nothing may return into the zygote's loop
                traceback.print_exc()
            finally:
                os._exit(1)
        connection.close()

    def _forget(self) -> None:
        """Lets go of sockets whose numbers are about to mean something else."""
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for held in (self._holders, self._requests, *self._held.values()):
            os.close(held.detach())


def _require_one_thread() -> None:
    # A fork copies one thread, and the locks that the others held for ever.
    threads = sum(1 for _ in Path("/proc/self/task").iterdir())
    if threads != 1:
        sys.exit(f"the zygote has {threads} threads and cannot be forked")
