"""A stock ipykernel on sockets that the grader has bound: the student sees no socket folder."""

from __future__ import annotations

import json
import logging
import os
import socket
import sys
from pathlib import Path
from typing import Any, ClassVar, Self

import zmq
from ipykernel import heartbeat, iostream, ipkernel, kernelapp
from traitlets.config import Config

from grader.kernel.inside.modules import install
from grader.kernel.inside.serve import serve
from grader.wire.channel import Channel

# Name under which the first hidden request finds the channel to the grader.
CHANNEL = "GRADER_CHANNEL_FD"


class _Kernel(ipkernel.IPythonKernel):
    """A stock kernel, which may have been made before anybody knew its sockets.

    Making one looks at every module that is imported, and a fork pays for each of them in pages
    copied. The zygote makes it once; a fork only gives it what is its own.
    """

    @classmethod
    def instance(cls, *args: Any, **kwargs: Any) -> Self:
        """The kernel of this process, as `IPKernelApp` asks for it."""
        if not cls.initialized():
            made: Self = super().instance(*args, **kwargs)
            return made
        kernel: Self = super().instance()
        kernel._take_over({name: value for name, value in kwargs.items() if value is not None})
        return kernel

    def _take_over(self, given: dict[str, Any]) -> None:
        for name, value in given.items():
            setattr(self, name, value)
        self._stdout, self._stderr = sys.stdout, sys.stderr
        shell: Any = self.shell
        shell.parent = shell.kernel = self
        shell.profile_dir = self.profile_dir
        for channel in (shell.displayhook, shell.display_pub):
            channel.session, channel.pub_socket = self.session, self.iopub_socket
        shell.displayhook.topic = self._topic("execute_result")

    def _publish_execute_input(self, *_args: Any) -> None:
        """Nobody else listens who would have to be told what is executed."""

    def _publish_status(self, status: str, *args: Any) -> None:
        """Says when it is idle again, which ends a cell; that it is busy is known to who asked."""
        if status != "busy":
            super()._publish_status(status, *args)


def make_kernel() -> None:
    """Makes the kernel that forks of this process will run, and its application: for the zygote."""
    kernel: Any = _Kernel.instance(config=_config())
    kernel.shell._sys_modules_keys = set(sys.modules)
    _transform_once(kernel.shell)
    app: Any = _Application.instance(kernel_class=_Kernel, config=_config())
    # Its own handler drops what is below; made are the records all the same, several for a cell.
    app.log.setLevel(logging.WARNING)


def _transform_once(shell: Any) -> None:
    """Has the shell run the source that the kernel has had transformed, not transform it again."""
    transform, kept = shell.transform_cell, list[tuple[str, str]]()

    def transform_cell(source: str) -> str:
        last = kept.pop() if kept else None
        if last is not None and last[0] is source:
            return last[1]
        transformed: str = transform(source)
        kept.append((source, transformed))
        return transformed

    shell.transform_cell = transform_cell


class _Application(kernelapp.IPKernelApp):
    """Adopts listening sockets instead of binding its own, and leaves out what nobody uses."""

    socket_fds: ClassVar[dict[int, int]] = {}  # by the port that only numbers them

    def parse_command_line(self, argv: list[str] | None = None) -> None:
        """Nothing was typed: what there is to set stands in the settings."""

    def load_config_file(self, suppress_errors: bool | None = None) -> None:
        """How this machine's own notebooks are configured is nothing that a student knew of."""

    def init_control(self, context: zmq.Context[Any]) -> None:
        """Without the thread that hands requests to subshells: every cell has its turn here."""
        super().init_control(context)
        self.shell_channel_thread = None

    def init_code(self) -> None:
        """Runs no startup file, since a new home has none."""
        self.shell.user_ns_hidden.update(self.shell.user_ns)

    def _bind_socket(self, s: zmq.Socket[bytes], port: int) -> int:
        _adopt(s, self.socket_fds[port])
        return port


class Output(iostream.OutStream):
    """Standard output or error of the notebook."""

    def flush(self) -> None:
        """Wakes the thread that sends, and waits for it, only where there is something to send.

        A kernel flushes both streams several times for each cell. What has left the buffer is
        sent before anything that is said later.
        """
        if getattr(self, "_buffers", True):
            super().flush()


def run_kernel(settings: dict[str, Any]) -> None:
    """Becomes an ipykernel; returns when it is shut down."""
    connection = settings["connection"]
    descriptors: dict[str, int] = settings["socket_fds"]
    os.environ[CHANNEL] = str(settings["channel_fd"])
    _Application.socket_fds = {connection[f"{name}_port"]: fd for name, fd in descriptors.items()}

    def bind_heartbeat(self: heartbeat.Heartbeat) -> None:
        _adopt(self.socket, descriptors["hb"])

    setattr(heartbeat.Heartbeat, "_bind_socket", bind_heartbeat)  # noqa: B010  typed as a method
    file = Path(os.environ["HOME"]) / "connection.json"
    file.write_text(json.dumps(connection), "utf-8")
    if not _Application.initialized():
        make_kernel()
    app: Any = _Application.instance()
    app.connection_file = str(file)
    app.initialize()
    install(app.shell)
    app.start()


def answer_requests() -> None:
    """Runs the serve loop on the notebook's namespace; called by the grader's last request."""
    from IPython.core.getipython import get_ipython

    shell: Any = get_ipython()
    serve(shell.user_ns, Channel(socket.socket(fileno=int(os.environ.pop(CHANNEL)))))


def _config() -> Config:
    return Config(
        {
            "HistoryManager": {"enabled": False},
            # A pause before each reply, for clients that are told of a cell's end too soon.
            "IPythonKernel": {"_execute_sleep": 0.0},
            "IPKernelApp": {"outstream_class": f"{__name__}.Output"},
        }
    )


def _adopt(target: zmq.Socket[bytes], fd: int) -> None:
    target.setsockopt(zmq.USE_FD, fd)
    # The address is never looked up: the descriptor already listens.
    target.bind(f"ipc:///nowhere/{fd}")
