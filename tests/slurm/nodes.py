"""A Slurm of two nodes on this machine, from the distribution's own programs."""

from __future__ import annotations

import contextlib
import getpass
import os
import secrets
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "scontrol", "scancel")
NODES = ("node1", "node2")
_PATIENCE_SECONDS = 180
_CONF = """
ClusterName=tests
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ctld}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={root}/munge.socket
StateSaveLocation={root}/state
SlurmdSpoolDir={root}/spool/%n
SlurmctldPidFile={root}/slurmctld.pid
SlurmdPidFile={root}/slurmd-%n.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SlurmdParameters=config_overrides
SlurmdTimeout=3
KillWait=2
ReturnToService=2
MpiDefault=none
SchedulerParameters=sched_min_interval=0
NodeName=node1 NodeHostname={host} NodeAddr=127.0.0.1 Port={one} CPUs=2
NodeName=node2 NodeHostname={host} NodeAddr=127.0.0.1 Port={two} CPUs=2
PartitionName=tests Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""


def missing() -> list[str]:
    """Programs that are not here."""
    return [name for name in PROGRAMS if _program(name) is None]


def _program(name: str) -> str | None:
    return shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")


class Nodes:
    """The two of them, with their controller, until the context ends.

    Args:
        root: folder for everything that they write.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> Nodes:
        for name in ("state", *(f"spool/{node}" for node in NODES)):
            (self.root / name).mkdir(parents=True)
        ctld, one, two = _free_ports(3)
        host = socket.gethostname().partition(".")[0]
        text = _CONF.format(
            host=host, user=getpass.getuser(), root=self.root, ctld=ctld, one=one, two=two
        )
        self.conf.write_text(text, "utf-8")
        key = self.root / "munge.key"
        key.write_bytes(secrets.token_bytes(128))
        key.chmod(0o600)
        munge = [f"--key-file={key}", f"--socket={self.root}/munge.socket"]
        munge += [f"--{name}-file={self.root}/munge.{name}" for name in ("pid", "log", "seed")]
        self._start("munged", "munged", "--foreground", "--force", *munge)
        until((self.root / "munge.socket").exists)
        self._start("slurmctld", "slurmctld", "-D", "-f", str(self.conf))
        for node in NODES:
            self.boot(node)
        until(lambda: self.said("sinfo", "-h", "-o", "%t").split() == ["idle"])
        return self

    def __exit__(self, *_: object) -> None:
        for node in NODES:
            self.lose(node)
        for process in self._running.values():
            process.kill()
            process.wait()

    @property
    def conf(self) -> Path:
        """What all of Slurm's programs read; its path belongs into SLURM_CONF."""
        return self.root / "slurm.conf"

    def boot(self, node: str) -> None:
        """Starts a node."""
        self._start(node, "slurmd", "-D", "-f", str(self.conf), "-N", node)

    def lose(self, node: str) -> None:
        """Kills a node's daemon and everything that runs on it, as if its plug were pulled."""
        doomed = {process for top in self.jobs(node) for process in _family(top)}
        if daemon := self._running.pop(node, None):
            doomed |= set(_family(psutil.Process(daemon.pid)))
        for process in doomed:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        if daemon:
            daemon.wait()

    def jobs(self, node: str) -> list[psutil.Process]:
        """Slurm's own process above each task that runs on a node."""
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                if process.environ().get("SLURMD_NODENAME") == node:
                    above = process.parent()
                    ours = process.environ().get("SLURM_CONF") == str(self.conf)
                    if ours and above is not None and above.name().startswith("slurmstepd"):
                        found.append(above)
        return found

    def said(self, *command: str) -> str:
        """What one of Slurm's programs prints."""
        ended = subprocess.run(
            command, env=self.environment(), capture_output=True, text=True, timeout=60, check=False
        )
        return ended.stdout.strip()

    def release(self) -> None:
        """Lets tasks run that were queued again, which Slurm holds back for two minutes."""
        for task in self.said("squeue", "-h", "-r", "-t", "PD", "-o", "%F_%K").split():
            self.said("scontrol", "update", f"jobid={task}", "starttime=now")

    def environment(self) -> dict[str, str]:
        """With which Slurm's programs talk to these nodes."""
        return {**os.environ, "SLURM_CONF": str(self.conf)}

    def _start(self, name: str, program: str, *arguments: str) -> None:
        path = _program(program)
        assert path is not None
        with (self.root / f"{name}.log").open("ab") as log:
            self._running[name] = subprocess.Popen(
                [path, *arguments], stdout=log, stderr=log, env=self.environment()
            )


def until(condition: Callable[[], bool], seconds: float = _PATIENCE_SECONDS) -> None:
    """Waits for something to become true."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.1)


def _family(process: psutil.Process) -> Iterator[psutil.Process]:
    with contextlib.suppress(psutil.NoSuchProcess):
        yield from process.children(recursive=True)
    yield process


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as opened:
        sockets = [opened.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
