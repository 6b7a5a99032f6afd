"""`grader doctor`: tries in each sandbox what must be denied, and says what to install."""

from __future__ import annotations

import json
import socket
import tempfile
import time
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from grader.assignment import Limits
from grader.kernel.library import stage_library
from grader.sandbox import TIERS, Process, Sandbox, Tier
from grader.wire.channel import Channel, ChannelClosedError, ChannelTimeoutError
from grader.wire.codec import WireError, decode

_SECONDS = 30.0


def examine() -> bool:
    """Prints what each tier denies; true when one of them denies everything."""
    console = Console(highlight=False)
    safe = False
    for tier in TIERS.values():
        if tier.name == "none":
            continue  # isolates nothing, and nothing has to be tried to know it
        problem = tier.problem()
        if problem is not None:
            console.print(Text(f"{tier.name}: not available: {problem}", style="yellow"))
            continue
        tried = probe(tier)
        console.print(_table(tier, tried))
        safe = safe or all(tried.values())
    if safe:
        console.print(Text("ready: `grader run` keeps students' code in a sandbox", style="green"))
    else:
        console.print(Text("no tier is safe here; see above for what to install", style="bold red"))
    return safe


def probe(tier: Tier) -> dict[str, bool]:
    """What was tried in the tier, and whether it was denied."""
    ours, theirs = socket.socketpair()
    with tempfile.TemporaryDirectory(prefix="grader-doctor-") as folder, theirs:
        secret = Path(folder) / "secret"
        secret.write_text("held out", "utf-8")
        sandbox = Sandbox(library=stage_library(Path(folder) / "library"), limits=Limits())
        settings: dict[str, Any] = {
            "mode": "probe",
            "channel_fd": theirs.fileno(),
            "secret": str(secret),
        }
        tier.prepare(sandbox)
        try:
            with tempfile.TemporaryFile() as log:
                process = tier.start(sandbox, settings, [theirs.fileno()], log.fileno())
                theirs.close()
                return _answer(Channel(ours), process)
        finally:
            tier.release()


def _answer(channel: Channel, process: Process) -> dict[str, bool]:
    try:
        tried = decode(*channel.receive(time.monotonic() + _SECONDS))
    except (ChannelClosedError, ChannelTimeoutError, WireError):
        return {"start a process": False}
    finally:
        channel.close()
        process.kill()
        process.wait()
    return {str(what): denied is True for what, denied in json.loads(json.dumps(tried)).items()}


def _table(tier: Tier, tried: dict[str, bool]) -> Table:
    table = Table(title=f"isolation {tier.name}", title_justify="left", box=None, pad_edge=False)
    table.add_column("tried inside the sandbox")
    table.add_column("")
    for what, denied in tried.items():
        table.add_row(what, Text("denied", "green") if denied else Text("possible", "bold red"))
    return table
