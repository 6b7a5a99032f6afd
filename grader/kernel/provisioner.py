"""How jupyter_client starts a kernel in a sandbox: sockets bound out here, adopted in there."""

from __future__ import annotations

import asyncio
import signal
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from queue import Empty
from typing import Any

import zmq
from jupyter_client import session
from jupyter_client.asynchronous import AsyncKernelClient
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager
from jupyter_client.provisioning import KernelProvisionerBase

from grader.sandbox import Process

# A single message above this never reaches the grader's memory; a queue of them is bounded too.
MAX_MESSAGE_BYTES = 16 << 20
MAX_MESSAGES = 64
_END_SECONDS = 5.0
CHANNELS = ("shell", "iopub", "stdin", "hb", "control")
# Gets the connection info and the descriptors of the bound sockets by channel.
Start = Callable[[dict[str, Any], dict[str, int]], Process]

# Tries every text of every header for a date that nobody here reads, a tenth of a driver's time.
setattr(session, "extract_dates", lambda header: header)  # noqa: B010  imported there, not exported


class SandboxProvisioner(KernelProvisionerBase):
    """Starts the kernel through a function, and ends it by killing its whole sandbox."""

    process: Process | None = None

    @property
    def has_process(self) -> bool:
        """Whether a sandbox was started and not cleaned up yet."""
        return self.process is not None

    async def poll(self) -> int | None:
        """Exit status, or None while it runs."""
        return self.process.poll() if self.process else 0

    async def wait(self) -> int | None:
        """Exit status, once it has one."""
        while (status := await self.poll()) is None:
            await asyncio.sleep(0.005)
        return status

    async def send_signal(self, signum: int) -> None:
        """Only an end can be signalled; interrupts go through the control channel."""
        if self.process is not None and signum in (signal.SIGKILL, signal.SIGTERM):
            self.process.kill()

    async def kill(self, restart: bool = False) -> None:  # noqa: ARG002  the base's signature
        """Ends the sandbox and everything in it."""
        await self.send_signal(signal.SIGKILL)

    async def terminate(self, restart: bool = False) -> None:
        """The same: nothing in a sandbox is owed a clean ending."""
        await self.kill(restart)

    async def cleanup(self, restart: bool = False) -> None:  # noqa: ARG002
        """Forgets the process."""
        self.process = None

    async def pre_launch(self, **kwargs: Any) -> dict[str, Any]:
        """Fixes the ports, which only number the sockets."""
        for number, channel in enumerate(CHANNELS, start=1):
            setattr(self.parent, f"{channel}_port", number)
        prepared: dict[str, Any] = await super().pre_launch(cmd=["sandbox"], **kwargs)
        return prepared

    async def launch_kernel(
        self,
        cmd: list[str],  # noqa: ARG002  the base's signature
        *,
        start: Start,
        **_kwargs: Any,
    ) -> dict[str, Any]:
        """Binds the sockets and starts the sandbox with them."""
        info: dict[str, Any] = self.parent.get_connection_info()
        bound = {name: _listen(f"{info['ip']}-{info[f'{name}_port']}") for name in CHANNELS}
        plain = {k: v.decode() if isinstance(v, bytes) else v for k, v in info.items()}
        try:
            self.process = start(plain, {name: sock.fileno() for name, sock in bound.items()})
        finally:
            for sock in bound.values():
                sock.close()
        return info

    async def get_provisioner_info(self) -> dict[str, Any]:
        """Nothing that another process could take over."""
        return {}


class PromptClient(AsyncKernelClient):
    """A client that is ready as soon as the kernel is, where the base waits another 0.2 s."""

    async def wait_for_ready(self, timeout: float | None = None) -> None:
        """Returns once the kernel answers and its outputs arrive.

        Raises:
            RuntimeError: it died, or did not answer in time.
        """
        end = time.monotonic() + (timeout or 60)
        while time.monotonic() < end:
            request = self.kernel_info()
            if await self._answered(request):
                return
            if not await self.parent.is_alive():
                raise RuntimeError("the kernel died before it was ready")
        raise RuntimeError(f"the kernel was not ready after {timeout} s")

    async def _answered(self, request: str) -> bool:
        # The idle message of this very request shows that the subscription to outputs stands.
        try:
            reply = await self.shell_channel.get_msg(timeout=1)
            while True:
                message = await self.iopub_channel.get_msg(timeout=0.2)
                if message["parent_header"].get("msg_id") == request and _is_idle(message):
                    self._handle_kernel_info_reply(reply)
                    return True
        except Empty:
            return False


class SandboxManager(AsyncKernelManager):
    """A manager of one sandboxed kernel, with bounds on what it may send."""

    client_factory = PromptClient
    client_class = "grader.kernel.provisioner.PromptClient"

    async def _async_kill_kernel(self, restart: bool = False) -> None:
        """Kills and waits, where the base looks every 0.1 s whether it has ended."""
        if self.provisioner is not None:
            await self.provisioner.kill(restart)
            with suppress(TimeoutError):
                await asyncio.wait_for(self.provisioner.wait(), _END_SECONDS)


def kernel_manager(folder: Path) -> SandboxManager:
    """A manager whose kernel listens on sockets in a private folder."""
    manager = SandboxManager(transport="ipc", ip=str(folder / "k"))
    manager.connection_file = str(folder / "connection.json")
    manager.shutdown_wait_time = 0
    for option, value in ((zmq.MAXMSGSIZE, MAX_MESSAGE_BYTES), (zmq.RCVHWM, MAX_MESSAGES)):
        manager.context.setsockopt(option, value)
    manager._kernel_spec = KernelSpec(
        argv=["sandbox"],
        language="python",
        display_name="sandboxed Python",
        interrupt_mode="message",
        metadata={"kernel_provisioner": {"provisioner_name": "grader-sandbox"}},
    )
    return manager


def _is_idle(message: dict[str, Any]) -> bool:
    return message["msg_type"] == "status" and message["content"].get("execution_state") == "idle"


def _listen(path: str) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(path)
    listener.listen(16)
    return listener
