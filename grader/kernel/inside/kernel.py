"""A stock ipykernel on sockets that the grader has bound: the student sees no socket folder."""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path
from typing import Any

import zmq
from ipykernel import heartbeat, kernelapp

from grader.kernel.inside.modules import install
from grader.kernel.inside.serve import serve
from grader.wire.channel import Channel

# Name under which the first hidden request finds the channel to the grader.
CHANNEL = "GRADER_CHANNEL_FD"


def run_kernel(settings: dict[str, Any]) -> None:
    """Becomes an ipykernel; returns when it is shut down."""
    connection = settings["connection"]
    descriptors: dict[str, int] = settings["socket_fds"]
    os.environ[CHANNEL] = str(settings["channel_fd"])
    by_port = {connection[f"{name}_port"]: fd for name, fd in descriptors.items()}

    class SandboxedKernel(kernelapp.IPKernelApp):
        """Adopts listening sockets instead of binding its own."""

        def _bind_socket(self, s: zmq.Socket[bytes], port: int) -> int:
            _adopt(s, by_port[port])
            return port

    def bind_heartbeat(self: heartbeat.Heartbeat) -> None:
        _adopt(self.socket, descriptors["hb"])

    setattr(heartbeat.Heartbeat, "_bind_socket", bind_heartbeat)  # noqa: B010  typed as a method
    file = Path(os.environ["HOME"]) / "connection.json"
    file.write_text(json.dumps(connection), "utf-8")
    app: Any = SandboxedKernel.instance()
    app.initialize(["-f", str(file), "--HistoryManager.enabled=False"])
    install(app.shell)
    app.start()


def answer_requests() -> None:
    """Runs the serve loop on the notebook's namespace; called by the grader's last request."""
    from IPython.core.getipython import get_ipython

    shell: Any = get_ipython()
    serve(shell.user_ns, Channel(socket.socket(fileno=int(os.environ.pop(CHANNEL)))))


def _adopt(target: zmq.Socket[bytes], fd: int) -> None:
    target.setsockopt(zmq.USE_FD, fd)
    # The address is never looked up: the descriptor already listens.
    target.bind(f"ipc:///nowhere/{fd}")
